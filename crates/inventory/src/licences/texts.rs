//! Telling licences by their text.
//!
//! A text is taken as its words, lower case and without punctuation, and compared with short phrases
//! that one licence has and no other: each row of [`RULES`] names phrases that must all be there, and
//! those that must not. Holders, years and line breaks do not matter. A file with several licences
//! gives all of them.
//!
//! The text of a GNU licence does not say whether later versions may be chosen; `only` claims no more
//! than the file does.

use crate::limits::MAX_LICENCES_PER_FILE;

/// How a licence is told.
struct Rule {
    id: &'static str,
    /// All of these.
    has: &'static [&'static str],
    /// None of these.
    lacks: &'static [&'static str],
}

const fn rule(
    id: &'static str,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
) -> Rule {
    Rule { id, has, lacks }
}

const MIT_GRANT: &str = "free of charge to any person obtaining a copy of this software and associated documentation files";
const BSD_GRANT: &str =
    "redistribution and use in source and binary forms with or without modification are permitted";
const ISC_GRANT: &str = "copy modify and or distribute this software for any purpose with or without fee is hereby granted";
const NO_PROMOTION: &str = "to endorse or promote products derived from";
const ADVERTISING: &str = "all advertising materials mentioning features or use of this software";

const COMPLETE_SOURCE: &str = "how to obtain complete source code";
const EUPL: &str = "european union public licence";
const FUNCTIONAL_SOURCE: &str = "functional source license version 1 1";
const GOOD_NOT_EVIL: &str = "shall be used for good not evil";
const SEWARD: &str = "julian r seward";

const RULES: &[Rule] = &[
    rule(
        "0BSD",
        &[ISC_GRANT],
        &["provided that the above copyright notice"],
    ),
    rule("AFL-2.1", &["academic free license", "version 2 1"], &[]),
    rule("AFL-3.0", &["academic free license", "version 3 0"], &[]),
    rule(
        "AGPL-3.0-only",
        &["gnu affero general public license version 3 19 november 2007"],
        &[],
    ),
    rule(
        "Apache-1.1",
        &["the apache software license version 1 1"],
        &[],
    ),
    rule(
        "Apache-2.0",
        &["apache license version 2 0"],
        &[FUNCTIONAL_SOURCE],
    ),
    rule(
        "Artistic-1.0-Perl",
        &[
            "the artistic license",
            "you may otherwise modify your copy of this package in any way",
        ],
        &[],
    ),
    rule("Artistic-2.0", &["artistic license 2 0"], &[]),
    rule(
        "BlueOak-1.0.0",
        &["blue oak model license"],
        &["the parity public license"],
    ),
    rule(
        "BSD-2-Clause",
        &[BSD_GRANT, "in binary form must reproduce"],
        &[NO_PROMOTION, ADVERTISING, COMPLETE_SOURCE],
    ),
    rule(
        "BSD-3-Clause",
        &[BSD_GRANT, NO_PROMOTION],
        &[
            ADVERTISING,
            "the apache software license",
            "openssl project",
            COMPLETE_SOURCE,
            SEWARD,
            "zope public license",
        ],
    ),
    rule(
        "BSD-4-Clause",
        &[BSD_GRANT, ADVERTISING],
        &["openssl project", "apache group"],
    ),
    rule("BSL-1.0", &["boost software license version 1 0"], &[]),
    rule("BUSL-1.1", &["business source license 1 1"], &[]),
    rule("bzip2-1.0.6", &[BSD_GRANT, SEWARD], &[]),
    rule(
        "CC-BY-4.0",
        &["creative commons attribution 4 0 international public license"],
        &[],
    ),
    rule(
        "CC-BY-SA-4.0",
        &["creative commons attribution sharealike 4 0 international public license"],
        &[],
    ),
    rule("CC0-1.0", &["cc0 1 0 universal"], &[]),
    rule(
        "CDDL-1.0",
        &["common development and distribution license", "version 1 0"],
        &["version 1 1"],
    ),
    rule(
        "CDDL-1.1",
        &["common development and distribution license", "version 1 1"],
        &[],
    ),
    rule(
        "CPAL-1.0",
        &["common public attribution license version 1 0"],
        &[],
    ),
    rule(
        "curl",
        &[
            "copyright c 1996",
            "daniel stenberg",
            "for any purpose with or without fee is hereby granted",
        ],
        &[],
    ),
    rule("Elastic-2.0", &["elastic license 2 0"], &[]),
    rule("EPL-1.0", &["eclipse public license v 1 0"], &[EUPL]),
    rule("EPL-2.0", &["eclipse public license v 2 0"], &[]),
    rule("EUPL-1.1", &[EUPL, "1 1"], &["eupl v 1 2"]),
    rule("EUPL-1.2", &[EUPL, "eupl v 1 2"], &[]),
    rule(
        "FSL-1.1-ALv2",
        &[FUNCTIONAL_SOURCE, "alv2 future license"],
        &[],
    ),
    rule(
        "FSL-1.1-MIT",
        &[FUNCTIONAL_SOURCE, "mit future license"],
        &[],
    ),
    rule(
        "GPL-1.0-only",
        &["gnu general public license version 1 february 1989"],
        &[],
    ),
    rule(
        "GPL-2.0-only",
        &["gnu general public license version 2 june 1991"],
        &[],
    ),
    rule(
        "GPL-3.0-only",
        &["gnu general public license version 3 29 june 2007"],
        &[],
    ),
    rule(
        "ISC",
        &[
            ISC_GRANT,
            "provided that the above copyright notice and this permission notice appear in all copies",
        ],
        &["daniel stenberg"],
    ),
    rule("JSON", &[MIT_GRANT, GOOD_NOT_EVIL], &[]),
    rule(
        "LGPL-2.0-only",
        &["gnu library general public license version 2 june 1991"],
        &[],
    ),
    rule(
        "LGPL-2.1-only",
        &["gnu lesser general public license version 2 1 february 1999"],
        &[],
    ),
    rule(
        "LGPL-3.0-only",
        &["gnu lesser general public license version 3 29 june 2007"],
        &[],
    ),
    rule(
        "MIT",
        &[
            MIT_GRANT,
            "this permission notice",
            "shall be included in all copies or substantial portions",
        ],
        &[
            "except as contained in this notice the name",
            FUNCTIONAL_SOURCE,
            GOOD_NOT_EVIL,
        ],
    ),
    rule(
        "MIT-0",
        &[MIT_GRANT],
        &[
            "shall be included in",
            "subject to the following",
            "provided that",
        ],
    ),
    rule(
        "MPL-1.1",
        &["mozilla public license version 1 1"],
        &[
            "common public attribution license",
            "netscape public license version 1 1",
        ],
    ),
    rule("MPL-2.0", &["mozilla public license version 2 0"], &[]),
    rule(
        "MPL-2.0",
        &["mozilla public license v 2 0"],
        &["mozilla public license version 2 0"],
    ),
    rule(
        "NCSA",
        &[MIT_GRANT, "redistributions of source code must retain"],
        &[],
    ),
    rule("OFL-1.1", &["sil open font license version 1 1"], &[]),
    rule(
        "OpenSSL",
        &["openssl project for use in the openssl toolkit"],
        &[],
    ),
    rule(
        "PSF-2.0",
        &["python software foundation license version 2"],
        &["beopen python open source license agreement"],
    ),
    rule(
        "Python-2.0",
        &["beopen python open source license agreement"],
        &[],
    ),
    rule(
        "Sleepycat",
        &[BSD_GRANT, "complete source code for the db software"],
        &[],
    ),
    rule("SSPL-1.0", &["server side public license version 1"], &[]),
    rule("Unicode-3.0", &["unicode license v3"], &[]),
    rule(
        "Unlicense",
        &["this is free and unencumbered software released into the public domain"],
        &[],
    ),
    rule("UPL-1.0", &["universal permissive license"], &[]),
    rule(
        "WTFPL",
        &["do what the fuck you want to public license"],
        &[],
    ),
    rule(
        "X11",
        &[MIT_GRANT, "except as contained in this notice the name"],
        &[],
    ),
    rule(
        "Zlib",
        &["altered source versions must be plainly marked as such"],
        &[SEWARD],
    ),
    rule("ZPL-2.1", &["zope public license", "version 2 1"], &[]),
];

/// The licences whose text is in a file, by their SPDX identifiers, in alphabetical order.
pub fn recognise(bytes: &[u8]) -> Vec<&'static str> {
    let text = words(bytes);
    let has = |phrase: &&str| {
        memchr::memmem::find(text.as_bytes(), format!(" {phrase} ").as_bytes()).is_some()
    };
    let mut found: Vec<&'static str> = Vec::new();
    for rule in RULES {
        let is_it = rule.has.iter().all(has) && !rule.lacks.iter().any(has);
        if is_it && !found.contains(&rule.id) {
            found.push(rule.id);
        }
    }
    found.truncate(MAX_LICENCES_PER_FILE);
    found
}

/// Words in lower case, each between spaces. `(c)` and quotation marks are none, and what is not ASCII
/// parts words.
fn words(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push(' ');
    for byte in bytes {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte.to_ascii_lowercase()));
        } else if !text.ends_with(' ') {
            text.push(' ');
        }
    }
    if !text.ends_with(' ') {
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_case_and_punctuation_do_not_matter() {
        assert_eq!(
            words(b"Apache License,\n   Version 2.0\r\n"),
            " apache license version 2 0 "
        );
        assert_eq!(words(b""), " ");
        assert_eq!(words("a\u{201c}b\u{201d}".as_bytes()), " a b ");
    }

    #[test]
    fn phrases_are_as_words_come() {
        for rule in RULES {
            assert!(!rule.has.is_empty(), "{}", rule.id);
            for phrase in rule.has.iter().chain(rule.lacks) {
                assert_eq!(words(phrase.as_bytes()).trim(), *phrase, "{}", rule.id);
            }
            assert!(spdx::Expression::parse(rule.id).is_ok(), "{}", rule.id);
        }
    }

    #[test]
    fn the_clauses_of_bsd_and_mit_tell_them_apart() {
        let check = |parts: &[&str], expect: &[&str]| {
            assert_eq!(recognise(parts.join(" ").as_bytes()), expect)
        };
        check(
            &[BSD_GRANT, "in binary form must reproduce"],
            &["BSD-2-Clause"],
        );
        check(&[BSD_GRANT, NO_PROMOTION], &["BSD-3-Clause"]);
        check(&[BSD_GRANT, NO_PROMOTION, ADVERTISING], &["BSD-4-Clause"]);
        check(&[MIT_GRANT], &["MIT-0"]);
        check(
            &[
                MIT_GRANT,
                "this permission notice (including",
                "shall be included in all copies or substantial portions",
            ],
            &["MIT"],
        );
        check(&[ISC_GRANT], &["0BSD"]);
        check(&["nothing of that kind"], &[]);
        check(
            &[
                "Apache License\n\tVersion 2.0, January 2004",
                BSD_GRANT,
                "in binary form must reproduce",
            ],
            &["Apache-2.0", "BSD-2-Clause"],
        );
    }

    #[test]
    fn a_file_of_all_licences_tells_no_more_than_the_limit() {
        let all: Vec<&str> = RULES.iter().flat_map(|rule| rule.has).copied().collect();
        assert_eq!(
            recognise(all.join("\n").as_bytes()).len(),
            MAX_LICENCES_PER_FILE
        );
    }
}
