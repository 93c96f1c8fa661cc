//! The page.
fn main() {
    lamina_page::start();
}
