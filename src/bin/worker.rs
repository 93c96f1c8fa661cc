//! The scanner worker: one of a pool, each analyses one layer at a time.
fn main() {
    lamina_page::worker::start();
}
