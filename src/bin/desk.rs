//! The desk: a worker that reads and writes policy files, and judges rules in Rego.
fn main() {
    lamina_page::desk::start();
}
