//! `cargo xtask feeds`: the shared feeds at their production addresses, on this machine.

use anyhow::{Context as _, Result};
use lamina_testkit::{FeedServer, shared};

use crate::args::Args;

pub(crate) const HELP: &str = "\
usage: cargo xtask feeds [--listen ADDRESS]

Serves shared/advisories/feeds over HTTP by its serve-map.json, until it is stopped:
https://host/path at http://ADDRESS/host/path. For example

    lamina db build --mirror http://127.0.0.1:8090 --cache /tmp/feeds --out /tmp/db

  --listen ADDRESS   default: 127.0.0.1:8090";

pub(crate) fn run(mut args: Args) -> Result<()> {
    let address = args.option("--listen")?;
    args.finish()?;
    let folder = shared("advisories/feeds").context("there are no shared feeds")?;
    let server = FeedServer::listen(address.as_deref().unwrap_or("127.0.0.1:8090"));
    let server = server.with_feeds(&folder);
    println!("feeds at {}", server.origin());
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
        for line in server.log() {
            println!("{line}");
        }
    }
}
