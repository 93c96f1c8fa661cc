//! Numbers, sizes and times as people read them, in the page's language.

use super::language::{decimal, fill, t, text, tn};
use crate::platform;

/// `835.9 kB`: decimal units, as registries and Docker count.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        unit = next;
        if value < 999.5 || next == "TB" {
            break;
        }
        value /= 1000.0;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ if value < 9.95 => format!("{} {unit}", decimal(value, 1)),
        _ => format!("{value:.0} {unit}"),
    }
}

/// `12 345`, with a narrow space that does not break.
pub fn count(number: impl TryInto<u64>) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A noun in English, with the texts for one and for other numbers of it.
type Noun = (&'static str, &'static str, &'static str);

/// What is counted in more than one place.
const NOUNS: [Noun; 14] = [
    ("command", text("{n} command"), text("{n} commands")),
    ("exception", text("{n} exception"), text("{n} exceptions")),
    (
        "failing finding",
        text("{n} failing finding"),
        text("{n} failing findings"),
    ),
    ("file", text("{n} file"), text("{n} files")),
    ("finding", text("{n} finding"), text("{n} findings")),
    ("group", text("{n} group"), text("{n} groups")),
    ("issue", text("{n} issue"), text("{n} issues")),
    ("layer", text("{n} layer"), text("{n} layers")),
    (
        "more layer",
        text("{n} more layer"),
        text("{n} more layers"),
    ),
    (
        "more upgrade",
        text("{n} more upgrade"),
        text("{n} more upgrades"),
    ),
    ("package", text("{n} package"), text("{n} packages")),
    ("shard", text("{n} shard"), text("{n} shards")),
    ("statement", text("{n} statement"), text("{n} statements")),
    (
        "vulnerability",
        text("{n} vulnerability"),
        text("{n} vulnerabilities"),
    ),
];

/// `1 finding`, `2 findings`: of a noun in [`NOUNS`], in the page's language.
pub fn plural(number: usize, noun: &str) -> String {
    match NOUNS.into_iter().find(|(name, ..)| *name == noun) {
        Some((_, one, other)) => tn(number, one, other),
        None => format!("{} {noun}", count(number)),
    }
}

/// `4 s`, `1 min 20 s`.
pub fn duration(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).max(0.0);
    if seconds < 9.95 {
        return format!("{} s", decimal(seconds, 1));
    }
    let seconds = seconds.round();
    let minutes = (seconds / 60.0).floor();
    if minutes < 1.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{minutes:.0} min {:.0} s", seconds - minutes * 60.0)
    }
}

/// `24 Nov 2026, 00:12 UTC` of an RFC 3339 text; the text itself if it is none.
pub fn time(rfc3339: &str) -> String {
    match rfc3339.parse::<jiff::Timestamp>() {
        Ok(timestamp) => {
            let at = jiff::tz::TimeZone::UTC.to_datetime(timestamp);
            format!(
                "{}, {:02}:{:02} UTC",
                day(at.date()),
                at.hour(),
                at.minute()
            )
        }
        Err(_) => rfc3339.to_owned(),
    }
}

/// `24 Nov 2026` of an RFC 3339 text, or of the day alone that it begins with.
pub fn date(rfc3339: &str) -> String {
    let date = match rfc3339.parse::<jiff::Timestamp>() {
        Ok(timestamp) => Ok(jiff::tz::TimeZone::UTC.to_datetime(timestamp).date()),
        Err(_) => rfc3339.parse::<jiff::civil::Date>(),
    };
    match date {
        Ok(date) => day(date),
        Err(_) => rfc3339.to_owned(),
    }
}

fn day(date: jiff::civil::Date) -> String {
    fill(
        t("{day} {month} {year}"),
        &[
            ("day", &date.day().to_string()),
            ("month", month(date.month())),
            ("year", &date.year().to_string()),
        ],
    )
}

/// `12 %` of 0.123; two digits of what is below one in a hundred.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        _ if percent < 1.0 => format!("{} %", decimal(percent, 2)),
        _ if percent < 99.0 => format!("{percent:.0} %"),
        _ => format!("{} %", decimal(percent, 1)),
    }
}

/// `3 days ago`; nothing for a text that is no time.
pub fn ago(rfc3339: &str, now_ms: f64) -> String {
    let Ok(then) = rfc3339.parse::<jiff::Timestamp>() else {
        return String::new();
    };
    let seconds = (now_ms / 1000.0) - (then.as_millisecond() as f64 / 1000.0);
    let units = [
        (
            365.25 * 86_400.0,
            text("{n} year ago"),
            text("{n} years ago"),
        ),
        (
            30.44 * 86_400.0,
            text("{n} month ago"),
            text("{n} months ago"),
        ),
        (86_400.0, text("{n} day ago"), text("{n} days ago")),
        (3_600.0, text("{n} hour ago"), text("{n} hours ago")),
        (60.0, text("{n} minute ago"), text("{n} minutes ago")),
    ];
    for (length, one, other) in units {
        let number = (seconds / length).floor();
        if number >= 1.0 {
            return tn(platform::whole(number), one, other);
        }
    }
    t("just now").to_owned()
}

/// `sha256:ab12cd34…`.
pub fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) if hex.chars().count() > 14 => {
            let head: String = hex.chars().take(12).collect();
            format!("{algorithm}:{head}…")
        }
        _ => digest.to_owned(),
    }
}

/// The text with its first letter as a capital: our errors begin in lower case, sentences do not.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first_word = text.split(' ').next().unwrap_or_default();
    // A host, path or reference is written as it is.
    if first_word
        .trim_end_matches([':', '.', ','])
        .contains(['.', '/', ':', '@', '_'])
    {
        return text.to_owned();
    }
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn month(number: i8) -> &'static str {
    const MONTHS: [&str; 12] = [
        text("Jan"),
        text("Feb"),
        text("Mar"),
        text("Apr"),
        text("May"),
        text("Jun"),
        text("Jul"),
        text("Aug"),
        text("Sep"),
        text("Oct"),
        text("Nov"),
        text("Dec"),
    ];
    usize::try_from(number - 1)
        .ok()
        .and_then(|index| MONTHS.get(index))
        .map_or("?", |month| t(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let check = |bytes, expect: &str| assert_eq!(size(bytes), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "1.0 kB");
        check(9_940, "9.9 kB");
        check(9_960, "10 kB");
        check(835_864, "836 kB");
        check(999_600, "1.0 MB");
        check(29_124_000, "29 MB");
        check(1_234_000_000, "1.2 GB");
        check(u64::MAX, "18446744 TB");
    }

    #[test]
    fn counts_are_grouped_and_nouns_agree() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(plural(1, "finding"), "1 finding");
        assert_eq!(plural(0, "vulnerability"), "0 vulnerabilities");
        assert_eq!(plural(2, "layer"), "2 layers");
    }

    #[test]
    fn times_are_told_in_words() {
        assert_eq!(time("2026-11-24T00:12:59Z"), "24 Nov 2026, 00:12 UTC");
        assert_eq!(time("2026-11-24T01:12:59+01:00"), "24 Nov 2026, 00:12 UTC");
        assert_eq!(time("yesterday"), "yesterday");
        assert_eq!(date("2023-06-20T09:12:40Z"), "20 Jun 2023");
        let now = 1_795_478_400_000.0; // 2026-11-24T00:00:00Z
        assert_eq!(ago("2026-11-23T23:59:30Z", now), "just now");
        assert_eq!(ago("2026-11-23T22:00:00Z", now), "2 hours ago");
        assert_eq!(ago("2026-11-22T23:00:00Z", now), "1 day ago");
        assert_eq!(ago("2023-06-20T09:12:40Z", now), "3 years ago");
        assert_eq!(ago("", now), "");
        assert_eq!(duration(1_240.0), "1.2 s");
        assert_eq!(duration(80_200.0), "1 min 20 s");
    }

    #[test]
    fn sentences_begin_with_a_capital_but_names_do_not() {
        let check = |text: &str, expect: &str| assert_eq!(sentence(text), expect);
        check("no such tag", "No such tag");
        check(
            "ghcr.io, asking for a token: refused",
            "ghcr.io, asking for a token: refused",
        );
        check("usr/lib/x.deb is cut off", "usr/lib/x.deb is cut off");
        check(
            "layer 3: the stream ends early",
            "Layer 3: the stream ends early",
        );
        check("manifest: not found", "Manifest: not found");
        check("", "");
    }

    #[test]
    fn long_digests_are_cut() {
        assert_eq!(
            short_digest("sha256:0123456789abcdef"),
            "sha256:0123456789ab…"
        );
        assert_eq!(short_digest("sha256:0123"), "sha256:0123");
        assert_eq!(short_digest("odd"), "odd");
    }

    #[test]
    fn days_and_shares_are_told_in_words() {
        assert_eq!(date("2024-03-29"), "29 Mar 2024");
        assert_eq!(date("2024-03-29T10:00:00Z"), "29 Mar 2024");
        assert_eq!(date("soon"), "soon");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.00043), "0.04 %");
        assert_eq!(percent(0.123), "12 %");
        assert_eq!(percent(0.99871), "99.9 %");
    }
}
