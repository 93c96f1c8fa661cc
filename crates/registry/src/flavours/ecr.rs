//! Amazon ECR (private registries): Basic with a password that lives twelve hours.

use super::Flavour;
use crate::error::ErrorKind;

/// Private ECR registries.
pub(super) struct Ecr;

impl Flavour for Ecr {
    fn id(&self) -> &'static str {
        "ecr"
    }

    fn title(&self) -> &'static str {
        "Amazon ECR"
    }

    fn claims(&self, registry: &str) -> bool {
        let Some((account, rest)) = registry.split_once('.') else {
            return false;
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_amazon = [
            ".amazonaws.com",
            ".amazonaws.com.cn",
            ".on.aws",
            ".sc2s.sgov.gov",
            ".c2s.ic.gov",
        ]
        .iter()
        .any(|suffix| rest.ends_with(suffix));
        let is_ecr = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .iter()
            .any(|prefix| rest.starts_with(prefix));
        is_account && is_amazon && is_ecr
    }

    fn answers_cross_origin(&self) -> Option<bool> {
        Some(false)
    }

    fn advice(&self, kind: &ErrorKind) -> Option<String> {
        match kind {
            ErrorKind::LoginNeeded { .. } | ErrorKind::LoginRefused { .. } => Some(
                "log in as AWS with the output of `aws ecr get-login-password`, which is good for \
                 twelve hours"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
