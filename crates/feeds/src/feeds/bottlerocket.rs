//! Bottlerocket: <https://advisories.bottlerocket.aws/updateinfo.xml.gz>.
//!
//! A notice is about one CVE; its own id is Bottlerocket's or GitHub's.
//!
//! The shape is that of vuln-list-update's `bottlerocket/testdata/updateinfo.xml`.

use std::io::BufReader;

use lamina_advisories::record::Day;

use super::{Feed, FeedError, Input, amazon::notice, file_and_folder};
use crate::{
    archive::decompressed, builder::Builder, limits::MAX_XML_BYTES, location::Location,
    updateinfo::each_update,
};

pub(super) struct Bottlerocket;

impl Feed for Bottlerocket {
    fn id(&self) -> &'static str {
        "bottlerocket"
    }

    fn name(&self) -> &'static str {
        "Bottlerocket"
    }

    fn url(&self) -> &'static str {
        "https://advisories.bottlerocket.aws/updateinfo.xml.gz"
    }

    fn licence(&self) -> &'static str {
        "Apache-2.0 OR MIT"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(self.url(), "updateinfo.xml.gz")]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.contains("updateinfo") && file.contains(".xml") && path.contains("bottlerocket")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let reader = BufReader::new(decompressed(&mut input, MAX_XML_BYTES)?);
        each_update(reader, |update| {
            out.count(self);
            match notice(update, "bottlerocket".to_owned(), "bottlerocket") {
                Ok(notice) => out.add_part(self, notice.into_record()),
                Err((reason, id)) => out.skip(self.id(), reason, path, &id),
            }
        })
    }
}
