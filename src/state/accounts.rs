//! Whose the files of the merged image are, as parts of a bar.

use lamina_report::model::{Accounts, Share};

use super::language::t;

/// One part of the bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The word in `data-part`.
    pub word: &'static str,
    /// Whose they are.
    pub title: &'static str,
    /// What that means.
    pub meaning: &'static str,
    /// The files.
    pub share: Share,
    /// Percent of all bytes.
    pub percent: f64,
}

/// The four parts, in their order. Bytes decide of the widths; without any bytes, files do.
pub fn parts(accounts: &Accounts) -> [Part; 4] {
    let shares = [
        (
            "os",
            t("Distribution"),
            t("files that a package of the distribution lists as its own"),
            accounts.os,
        ),
        (
            "language",
            t("Language packages"),
            t("files of Python, Node.js, Go and other packages that the distribution does not own"),
            accounts.language,
        ),
        (
            "classified",
            t("Known programs"),
            t("programs without a package manager, told by their bytes"),
            accounts.classified,
        ),
        (
            "unowned",
            t("Nobody"),
            t("files that no package lists: what was copied in, generated or left over"),
            accounts.unowned,
        ),
    ];
    let total = |of: fn(&Share) -> u64| -> f64 {
        shares.iter().map(|(_, _, _, share)| of(share) as f64).sum()
    };
    let bytes = total(|share| share.bytes);
    let files = total(|share| share.files);
    shares.map(|(word, title, meaning, share)| Part {
        word,
        title,
        meaning,
        share,
        percent: match (bytes > 0.0, files > 0.0) {
            (true, _) => share.bytes as f64 * 100.0 / bytes,
            (false, true) => share.files as f64 * 100.0 / files,
            (false, false) => 0.0,
        },
    })
}

/// `87 %`, and never 100 % or 0 % of what is not quite that.
pub fn percent(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 1.0 => "< 1 %".to_owned(),
        value if value > 99.0 && value < 100.0 => "> 99 %".to_owned(),
        value => format!("{value:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_measured_by_their_bytes() {
        let share = |files, bytes| Share { files, bytes };
        let mut accounts = Accounts {
            os: share(10, 600),
            language: share(5, 300),
            unowned: share(1, 100),
            ..Accounts::default()
        };
        let widths = |accounts: &Accounts| parts(accounts).map(|part| part.percent);
        assert_eq!(widths(&accounts), [60.0, 30.0, 0.0, 10.0]);
        accounts.os = share(3, 0);
        accounts.language = share(1, 0);
        accounts.unowned = Share::default();
        assert_eq!(widths(&accounts), [75.0, 25.0, 0.0, 0.0]);
        assert_eq!(widths(&Accounts::default()), [0.0; 4]);
    }

    #[test]
    fn percents_do_not_round_to_all_or_nothing() {
        let check = |value, expect: &str| assert_eq!(percent(value), expect);
        check(0.0, "0 %");
        check(0.2, "< 1 %");
        check(55.5, "56 %");
        check(99.6, "> 99 %");
        check(100.0, "100 %");
    }
}
