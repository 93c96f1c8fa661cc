//! Our own reports: `lamina scan --format json`.

use serde::Deserialize as _;
use serde_json::Value;

use super::{ImportError, Source};
use crate::{
    draft::{Draft, Read as _},
    model::{FORMAT, Report},
};

/// The format.
#[derive(Debug)]
pub(super) struct Lamina;

impl Source for Lamina {
    fn id(&self) -> &'static str {
        "lamina"
    }

    fn title(&self) -> &'static str {
        "Lamina"
    }

    fn about(&self) -> &'static str {
        "a report of Lamina's (`lamina scan --format json`)"
    }

    fn claims(&self, document: &Value) -> bool {
        document.at("format").is_some_and(Value::is_number)
            && ["scanner", "image", "packages", "findings"]
                .iter()
                .all(|name| document.get(name).is_some())
    }

    fn read(&self, _: &Value, _: &mut Draft) {}

    fn whole(&self, document: &Value) -> Option<Result<Report, ImportError>> {
        let format = document.at("format").and_then(Value::as_u64);
        Some(match format {
            Some(format) if format > u64::from(FORMAT) => Err(ImportError::NewerFormat(format)),
            _ => Report::deserialize(document).map_err(ImportError::NotAReport),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports;

    #[test]
    fn our_own_report_comes_back_as_it_was() {
        let report = Draft::new("trivy", "Trivy").finish();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(imports::read(text.as_bytes()).unwrap(), report);
        let newer = text.replacen("\"format\":1", "\"format\":2", 1);
        let error = imports::read(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, ImportError::NewerFormat(2)), "{error}");
        let broken = text.replacen("\"layers\":[]", "\"layers\":7", 1);
        let error = imports::read(broken.as_bytes()).unwrap_err();
        assert!(matches!(error, ImportError::NotAReport(_)), "{error}");
    }
}
