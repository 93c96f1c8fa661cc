//! `lamina`: scan, serve, gate, db.

use std::process::ExitCode;

fn main() -> ExitCode {
    lamina_cli::command::main()
}
