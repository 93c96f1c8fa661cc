//! YAML of strangers: bounded, and every complaint with its line and column.

use serde::{Serialize, de::DeserializeOwned};

use crate::policy::PolicyError;

/// Reads a document.
///
/// # Errors
/// When it is no YAML, or not of that shape, or costs too much to read.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PolicyError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let location = error.location();
        PolicyError::Yaml {
            message: error.to_string(),
            line: location.map(|location| location.line()),
            column: location.map(|location| location.column()),
        }
    })
}

/// Writes a document.
///
/// # Errors
/// When something in it cannot be written.
pub(crate) fn write(value: &impl Serialize) -> Result<String, PolicyError> {
    serde_saphyr::to_string(value).map_err(|error| PolicyError::Yaml {
        message: error.to_string(),
        line: None,
        column: None,
    })
}
