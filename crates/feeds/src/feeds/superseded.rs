//! Files of distributions that say nothing that another of their files does not say better. They are
//! known, so that a folder or mirror that has them is read without a word about foreign files, and each
//! is listed with its reason.
//!
//! - Red Hat's CSAF advisories: each fix is in the VEX of its CVEs, which has what is open as well.
//! - Red Hat's OVAL was retired at the end of 2024 for VEX.
//! - Rocky's OVAL: OSV has the same notices, with source packages and CVSS.
//! - Ubuntu's OVAL of notices (USN) and CVEs: OSV has both, and the priorities.
//! - Debian's OVAL is made of the security tracker's data and has less: what is not affected is absent.
//!   A version below 0 says there that a vulnerability is open; in the tracker 0 says the opposite.

use super::{Feed, FeedError, Input, file_and_folder};
use crate::builder::Builder;

pub(super) struct Superseded;

/// Beginnings of file names, and why they are not read.
const FILES: &[(&str, &str)] = &[
    (
        "csaf_advisories",
        "left out: Red Hat's VEX says the same of every CVE",
    ),
    (
        "rhsa-",
        "left out: Red Hat's VEX says the same of every CVE",
    ),
    (
        "rhba-",
        "left out: Red Hat's VEX says the same of every CVE",
    ),
    (
        "rhea-",
        "left out: Red Hat's VEX says the same of every CVE",
    ),
    ("com.redhat.rhsa", "left out: retired for Red Hat's VEX"),
    ("rhel-", "left out: retired for Red Hat's VEX"),
    ("org.rockylinux.rlsa", "left out: OSV has Rocky's notices"),
    ("com.ubuntu.", "left out: OSV has Ubuntu's notices and CVEs"),
    (
        "oci.com.ubuntu.",
        "left out: OSV has Ubuntu's notices and CVEs",
    ),
    (
        "oval-definitions-",
        "left out: the security tracker says more",
    ),
];

fn reason_of(path: &str) -> Option<&'static str> {
    let (file, folder) = file_and_folder(path);
    let (start, reason) = FILES.iter().find(|(start, _)| file.starts_with(start))?;
    let is_year = folder.len() == 4 && folder.bytes().all(|b| b.is_ascii_digit());
    let is_ours = match *start {
        "csaf_advisories" => file.contains(".tar"),
        "rhsa-" | "rhba-" | "rhea-" => is_year && file.ends_with(".json"),
        "rhel-" => file.contains(".oval.xml"),
        _ => file.contains(".xml"),
    };
    is_ours.then_some(*reason)
}

impl Feed for Superseded {
    fn id(&self) -> &'static str {
        "superseded"
    }

    fn name(&self) -> &'static str {
        "Superseded files"
    }

    fn url(&self) -> &'static str {
        "https://security.access.redhat.com/data/csaf/v2/advisories/"
    }

    fn licence(&self) -> &'static str {
        "not used"
    }

    fn claims(&self, path: &str) -> bool {
        reason_of(path).is_some()
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        if let Some(reason) = reason_of(input.path) {
            out.skip(self.id(), reason, input.path, "");
        }
        Ok(())
    }
}
