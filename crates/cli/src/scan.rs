//! `lamina scan`: the page's report on the command line.

use anyhow::bail;

use crate::{command::Outcome, credentials::RegistryArgs};

/// Arguments of `lamina scan`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A reference (`nginx:1.25`) or the path of an archive (`docker save`, OCI layout).
    pub image: String,

    #[command(flatten)]
    /// How to reach the registry.
    pub registry: RegistryArgs,
}

/// Runs the command.
pub async fn run(_args: Args) -> anyhow::Result<Outcome> {
    bail!("`lamina scan` is not built yet")
}
