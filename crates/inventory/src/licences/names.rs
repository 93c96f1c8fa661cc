//! What licences are called.

use super::Category;

/// The SPDX identifier that a name stands for; for a few the choice or exception that it implies.
pub(super) fn find(name: &str) -> Option<String> {
    let name = name.trim().trim_matches(['"', '\'']).trim();
    if name.is_empty() || name.len() > 200 {
        return None;
    }
    if is_reference(name) {
        return Some(name.to_owned());
    }
    // Classifiers of PyPI: what matters comes last.
    let name = name.rsplit("::").next().unwrap_or(name).trim();
    if name.contains("://") {
        return address(name);
    }
    let key = key(name);
    if let Some(id) = gnu(&key) {
        return Some(id);
    }
    // It takes `MIT+` for `MIT`.
    if let Some(id) = spdx::license_id(name).filter(|_| !name.ends_with('+')) {
        return Some(current(id.name));
    }
    let place = TABLE.binary_search_by(|(known, _)| (*known).cmp(&key)).ok();
    if let Some((_, id)) = place.and_then(|place| TABLE.get(place)) {
        return Some((*id).to_owned());
    }
    // In another case, with other separators, or with a `+`, which SPDX has for every licence.
    let (plain, later) = match name.strip_suffix('+') {
        Some(plain) => (plain.trim_end(), "+"),
        None => (name, ""),
    };
    let dashed = plain.replace([' ', '_'], "-");
    let all = spdx::identifiers::LICENSES.iter();
    let mut same = all.filter(|licence| licence.name.eq_ignore_ascii_case(&dashed));
    same.next().map(|licence| match later {
        "" => current(licence.name),
        _ => format!("{}+", licence.name),
    })
}

fn is_reference(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("LicenseRef-") else {
        return false;
    };
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !rest.is_empty() && rest.bytes().all(is_of)
}

/// The identifier that takes the place of a deprecated one.
fn current(id: &str) -> String {
    match id {
        "BSD-2-Clause-FreeBSD" | "BSD-2-Clause-NetBSD" => "BSD-2-Clause".to_owned(),
        "bzip2-1.0.5" => "bzip2-1.0.6".to_owned(),
        "StandardML-NJ" => "SMLNJ".to_owned(),
        _ => gnu(&key(id)).unwrap_or_else(|| id.to_owned()),
    }
}

/// `v2 or later` and its like as `v2+`, R's `GPL (>= 2)` as `GPL 2+`: what `or` and brackets are there
/// for is no choice.
pub(super) fn join_or_later(text: &str) -> String {
    let mut text = text.to_owned();
    for later in [
        " or (at your option) any later version",
        " or any later version",
        " or later version",
        " or later",
        "-or-later",
        " or newer",
        " or greater",
        " or above",
        " or higher",
    ] {
        // Searched in bytes of the same length: lower case changes no ASCII offset.
        while let Some(place) = text.to_ascii_lowercase().find(later) {
            text.replace_range(place..place + later.len(), "+");
        }
    }
    while let Some(place) = text.find("(>=") {
        let Some(end) = text.get(place..).and_then(|rest| rest.find(')')) else {
            break;
        };
        let version = text
            .get(place + 3..place + end)
            .unwrap_or_default()
            .trim()
            .to_owned();
        text.replace_range(place..place + end + 1, &format!("{version}+"));
    }
    text
}

/// What is compared: letters, digits, `+` and the dots of versions; the words that say nothing are
/// left out.
fn key(name: &str) -> String {
    let mut key = String::new();
    let lower = name.to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '.';
    for word in lower.split(|c: char| !is_part(c)) {
        let word = word.trim_matches('.');
        let says_nothing = matches!(
            word,
            "" | "the"
                | "license"
                | "licence"
                | "licensed"
                | "version"
                | "v"
                | "software"
                | "clause"
        );
        if !says_nothing {
            key.push_str(word);
        }
    }
    key
}

/// The GNU licences: a family, a version, `+` or `only`.
fn gnu(key: &str) -> Option<String> {
    // The longest first: `gpl` begins none of them, but `lgpl` ends with it.
    const FAMILIES: &[(&str, &str)] = &[
        ("gnuafferogeneralpublic", "AGPL"),
        ("gnulibraryorlessergeneralpublic", "LGPL"),
        ("gnulessergeneralpublic", "LGPL"),
        ("gnulibrarygeneralpublic", "LGPL"),
        ("gnugeneralpublic", "GPL"),
        ("gnufreedocumentation", "GFDL"),
        ("lessergeneralpublic", "LGPL"),
        ("generalpublic", "GPL"),
        ("gnulesser", "LGPL"),
        ("gnuagpl", "AGPL"),
        ("gnulgpl", "LGPL"),
        ("gnugpl", "GPL"),
        ("gfdlniv", "GFDL-NIV"),
        ("agpl", "AGPL"),
        ("lgpl", "LGPL"),
        ("gfdl", "GFDL"),
        ("gpl", "GPL"),
        ("gnu", "GPL"),
    ];
    let (family, rest) = FAMILIES
        .iter()
        .find_map(|(start, family)| Some((*family, key.strip_prefix(start)?)))?;
    // `v2 (GPLv2)` says it twice.
    let rest = rest.strip_prefix("public").unwrap_or(rest);
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
    let (version, mut after) = rest.split_at_checked(end)?;
    let mut is_later = false;
    for again in ["agplv", "lgplv", "gplv", "agpl", "lgpl", "gpl"] {
        if let Some(repeated) = after.trim_start_matches('+').strip_prefix(again) {
            is_later = after.starts_with('+');
            let repeated = repeated
                .strip_prefix(version.trim_end_matches(".0"))
                .unwrap_or(repeated);
            after = repeated.strip_prefix(".0").unwrap_or(repeated);
            break;
        }
    }
    let is_only = match after {
        "" => !is_later,
        "only" => true,
        "+" | "orlater" | "ornewer" | "oranylater" => false,
        _ => return None,
    };
    let has_invariants = !family.ends_with("-NIV");
    let family = family.trim_end_matches("-NIV");
    let version = match (family, version.trim_end_matches('.')) {
        // Any version: what came first, or later.
        ("GPL" | "AGPL", "") => return Some(format!("{family}-1.0-or-later")),
        ("LGPL", "") => return Some("LGPL-2.0-or-later".to_owned()),
        ("GFDL", "") => "1.1",
        ("GPL", "1" | "1.0") | ("AGPL", "1" | "1.0") => "1.0",
        ("GPL" | "LGPL", "2" | "2.0") => "2.0",
        ("LGPL", "2.1") => "2.1",
        ("GPL" | "LGPL" | "AGPL", "3" | "3.0") => "3.0",
        ("GFDL", "1.1") => "1.1",
        ("GFDL", "1.2") => "1.2",
        ("GFDL", "1.3") => "1.3",
        _ => return None,
    };
    let is_only = is_only && !(family == "GFDL" && rest.is_empty());
    let invariants = if has_invariants { "" } else { "-no-invariants" };
    let extent = if is_only { "only" } else { "or-later" };
    Some(format!("{family}-{version}{invariants}-{extent}"))
}

/// What an address leads to.
fn address(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("://")?;
    let rest = rest.trim_start_matches("www.").trim_end_matches('/');
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let trimmed = [".txt", ".html", ".php", ".htm", ".md"]
        .iter()
        .find_map(|end| rest.strip_suffix(end))
        .unwrap_or(rest);
    let named = [
        "opensource.org/licenses/",
        "opensource.org/license/",
        "spdx.org/licenses/",
        "licenses.nuget.org/",
        "choosealicense.com/licenses/",
        "gnu.org/licenses/old-licenses/",
        "gnu.org/licenses/",
        "gnu.org/copyleft/",
    ];
    for start in named {
        if let Some(name) = trimmed.strip_prefix(start) {
            let name = name
                .trim_end_matches("-license.php")
                .trim_end_matches("-license");
            return if name.contains('/') || name.contains("://") {
                None
            } else {
                find(name)
            };
        }
    }
    let id = match trimmed {
        "apache.org/licenses/license-2.0" | "apache.org/licenses" => "Apache-2.0",
        "apache.org/licenses/license-1.1" => "Apache-1.1",
        "eclipse.org/legal/epl-v10" | "eclipse.org/org/documents/epl-v10" => "EPL-1.0",
        "eclipse.org/legal/epl-2.0" | "eclipse.org/legal/epl-v20" => "EPL-2.0",
        "eclipse.org/org/documents/edl-v10" => "BSD-3-Clause",
        "mozilla.org/mpl/2.0" | "mozilla.org/en-us/mpl/2.0" => "MPL-2.0",
        "mozilla.org/mpl/mpl-1.1" | "mozilla.org/mpl/1.1" => "MPL-1.1",
        "creativecommons.org/publicdomain/zero/1.0" => "CC0-1.0",
        "creativecommons.org/licenses/by/4.0" => "CC-BY-4.0",
        "creativecommons.org/licenses/by/3.0" => "CC-BY-3.0",
        "unlicense.org" => "Unlicense",
        "json.org/license" => "JSON",
        "boost.org/license_1_0" => "BSL-1.0",
        "glassfish.dev.java.net/public/cddl+gpl_1_1" => "CDDL-1.1 OR GPL-2.0-only",
        _ => return None,
    };
    Some(id.to_owned())
}

/// Whether the words say that it is not free, or not licensed at all.
pub(super) fn is_proprietary(stated: &str) -> bool {
    let lower = stated.to_ascii_lowercase();
    let words = ["proprietary", "commercial", "all rights reserved"];
    lower == "unlicensed"
        || words
            .iter()
            .any(|word| lower == *word || lower.ends_with(&format!("{word} license")))
        || lower == "other/proprietary license"
}

/// The SPDX exception that words after `with` stand for; `None` for those that are not known, without
/// which the licence is stricter.
pub(super) fn exception(text: &str, id: &str) -> Option<&'static str> {
    if let Some(exception) = spdx::exception_id(text.trim()) {
        return Some(exception.name);
    }
    let key = key(text);
    let is_third = id.starts_with("GPL-3");
    let known: &[(&str, &'static str)] = &[
        ("classpath", "Classpath-exception-2.0"),
        ("cpe", "Classpath-exception-2.0"),
        (
            "autoconf",
            if is_third {
                "Autoconf-exception-3.0"
            } else {
                "Autoconf-exception-2.0"
            },
        ),
        ("bison", "Bison-exception-2.2"),
        ("libtool", "Libtool-exception"),
        (
            "gcc",
            if is_third {
                "GCC-exception-3.1"
            } else {
                "GCC-exception-2.0"
            },
        ),
        (
            "runtimelibrary",
            if is_third {
                "GCC-exception-3.1"
            } else {
                "GCC-exception-2.0"
            },
        ),
        ("font", "Font-exception-2.0"),
        ("linuxsyscall", "Linux-syscall-note"),
        ("llvm", "LLVM-exception"),
        ("openvpnopenssl", "openvpn-openssl-exception"),
    ];
    known
        .iter()
        .find(|(word, _)| key.contains(word))
        .map(|(_, name)| *name)
}

/// Names by [`key`], sorted.
const TABLE: &[(&str, &str)] = &[
    ("0bsd", "0BSD"),
    ("2bsd", "BSD-2-Clause"),
    ("3bsd", "BSD-3-Clause"),
    ("academicfree", "AFL-2.1"),
    ("academicfree2.0", "AFL-2.0"),
    ("academicfree2.1", "AFL-2.1"),
    ("academicfree3.0", "AFL-3.0"),
    ("afl", "AFL-2.1"),
    ("afl2.0", "AFL-2.0"),
    ("afl2.1", "AFL-2.1"),
    ("afl3.0", "AFL-3.0"),
    ("aflv2.1", "AFL-2.1"),
    ("aflv3.0", "AFL-3.0"),
    ("al2", "Apache-2.0"),
    ("alv2", "Apache-2.0"),
    ("apache", "Apache-2.0"),
    ("apache1.0", "Apache-1.0"),
    ("apache1.1", "Apache-1.1"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("apacheasl2.0", "Apache-2.0"),
    ("apachefoundation2.0", "Apache-2.0"),
    ("apachelicense2.0", "Apache-2.0"),
    ("apachepublic2.0", "Apache-2.0"),
    ("apachev2", "Apache-2.0"),
    ("apachev2.0", "Apache-2.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic1", "Artistic-1.0-Perl"),
    ("artistic1.0", "Artistic-1.0-Perl"),
    ("artistic2", "Artistic-2.0"),
    ("artistic2.0", "Artistic-2.0"),
    ("artisticv2.0", "Artistic-2.0"),
    ("asl", "Apache-2.0"),
    ("asl1.0", "Apache-1.0"),
    ("asl1.1", "Apache-1.1"),
    ("asl2", "Apache-2.0"),
    ("asl2.0", "Apache-2.0"),
    ("aslv2", "Apache-2.0"),
    ("beerware", "Beerware"),
    ("beerwarelicense", "Beerware"),
    ("blueoak", "BlueOak-1.0.0"),
    ("blueoak1.0", "BlueOak-1.0.0"),
    ("blueoakmodel", "BlueOak-1.0.0"),
    ("blueoakmodel1.0.0", "BlueOak-1.0.0"),
    ("boost", "BSL-1.0"),
    ("boost1.0", "BSL-1.0"),
    ("boost1.0bsl1.0", "BSL-1.0"),
    ("boostsoftwarelicense1.0", "BSL-1.0"),
    ("bsd", "LicenseRef-BSD"),
    ("bsd0", "0BSD"),
    ("bsd1", "BSD-1-Clause"),
    ("bsd2", "BSD-2-Clause"),
    ("bsd2simplified", "BSD-2-Clause"),
    ("bsd3", "BSD-3-Clause"),
    ("bsd3bsd3", "BSD-3-Clause"),
    ("bsd3c", "BSD-3-Clause"),
    ("bsd3clause", "BSD-3-Clause"),
    ("bsd3clauses", "BSD-3-Clause"),
    ("bsd3neworrevised", "BSD-3-Clause"),
    ("bsd3orrevised", "BSD-3-Clause"),
    ("bsd4", "BSD-4-Clause"),
    ("bsd4uc", "BSD-4-Clause-UC"),
    ("bsdlike", "LicenseRef-BSD"),
    ("bsdnew", "BSD-3-Clause"),
    ("bsdoriginal", "BSD-4-Clause"),
    ("bsdstyle", "LicenseRef-BSD"),
    ("bsdwith2clauses", "BSD-2-Clause"),
    ("bsdwith3clauses", "BSD-3-Clause"),
    ("bsdwithadvertising", "BSD-4-Clause"),
    ("bsdzero", "0BSD"),
    ("bsl", "BSL-1.0"),
    ("bsl1", "BSL-1.0"),
    ("bsl1.0", "BSL-1.0"),
    ("bsl1.1", "BUSL-1.1"),
    ("businesssource1.1", "BUSL-1.1"),
    ("busl", "BUSL-1.1"),
    ("busl1.1", "BUSL-1.1"),
    ("bzip", "bzip2-1.0.6"),
    ("bzip2", "bzip2-1.0.6"),
    ("cc0", "CC0-1.0"),
    ("cc01", "CC0-1.0"),
    ("cc01.0", "CC0-1.0"),
    ("cc01.0universal", "CC0-1.0"),
    ("cc01.0universalcc01.0publicdomaindedication", "CC0-1.0"),
    ("ccby", "CC-BY-3.0"),
    ("ccby3", "CC-BY-3.0"),
    ("ccby3.0", "CC-BY-3.0"),
    ("ccby4", "CC-BY-4.0"),
    ("ccby4.0", "CC-BY-4.0"),
    ("ccbysa", "CC-BY-SA-3.0"),
    ("ccbysa3", "CC-BY-SA-3.0"),
    ("ccbysa3.0", "CC-BY-SA-3.0"),
    ("ccbysa4", "CC-BY-SA-4.0"),
    ("ccbysa4.0", "CC-BY-SA-4.0"),
    ("cddl", "CDDL-1.0"),
    ("cddl+gpl", "CDDL-1.1 OR GPL-2.0-only"),
    ("cddl+gplv2", "CDDL-1.1 OR GPL-2.0-only"),
    ("cddl1", "CDDL-1.0"),
    ("cddl1.0", "CDDL-1.0"),
    ("cddl1.1", "CDDL-1.1"),
    ("cddlgpl", "CDDL-1.1 OR GPL-2.0-only"),
    ("cddlgplv2", "CDDL-1.1 OR GPL-2.0-only"),
    ("cddlgplv2+ce", "CDDL-1.1 OR GPL-2.0-only"),
    ("cddlv1.0", "CDDL-1.0"),
    ("cecill", "CECILL-2.1"),
    ("cecill2.1", "CECILL-2.1"),
    ("cecillb", "CECILL-B"),
    ("cecillbfreeagreement2.1", "CECILL-2.1"),
    ("cecillbfreeagreementcecillb", "CECILL-B"),
    ("cecillc", "CECILL-C"),
    ("cnripython", "CNRI-Python"),
    ("commondevelopmentanddistribution", "CDDL-1.0"),
    ("commondevelopmentanddistribution1.0", "CDDL-1.0"),
    ("commondevelopmentanddistribution1.0cddl1.0", "CDDL-1.0"),
    ("commondevelopmentanddistribution1.1", "CDDL-1.1"),
    ("commondevelopmentanddistributioncddlv1.0", "CDDL-1.0"),
    ("commondevelopmentanddistributioncddlv1.1", "CDDL-1.1"),
    ("commonpublic", "CPL-1.0"),
    ("commonpublic1.0", "CPL-1.0"),
    ("cpl", "CPL-1.0"),
    ("cpl1.0", "CPL-1.0"),
    ("cplv1.0", "CPL-1.0"),
    ("creativecommonsattribution3.0", "CC-BY-3.0"),
    ("creativecommonsattribution4.0", "CC-BY-4.0"),
    ("creativecommonsattribution4.0international", "CC-BY-4.0"),
    ("creativecommonsattributionsharealike3.0", "CC-BY-SA-3.0"),
    ("creativecommonsattributionsharealike4.0", "CC-BY-SA-4.0"),
    ("creativecommonscc0", "CC0-1.0"),
    ("creativecommonszero", "CC0-1.0"),
    ("creativecommonszerov1.0universal", "CC0-1.0"),
    ("curl", "curl"),
    ("dowhatfckyouwanttopublic", "WTFPL"),
    (
        "dualconsistingofcddlv1.1andgplv2",
        "CDDL-1.1 OR GPL-2.0-only",
    ),
    ("eclipsedistribution1.0", "BSD-3-Clause"),
    ("eclipsepublic", "EPL-1.0"),
    ("eclipsepublic1.0", "EPL-1.0"),
    ("eclipsepublic1.0epl1.0", "EPL-1.0"),
    ("eclipsepublic2.0", "EPL-2.0"),
    ("eclipsepublic2.0epl2.0", "EPL-2.0"),
    ("eclipsepublicepl1.0", "EPL-1.0"),
    ("eclipsepublicv2.0", "EPL-2.0"),
    ("edl1.0", "BSD-3-Clause"),
    ("edlv1.0", "BSD-3-Clause"),
    ("elastic2", "Elastic-2.0"),
    ("elastic2.0", "Elastic-2.0"),
    ("elv2", "Elastic-2.0"),
    ("epl", "EPL-1.0"),
    ("epl1", "EPL-1.0"),
    ("epl1.0", "EPL-1.0"),
    ("epl2", "EPL-2.0"),
    ("epl2.0", "EPL-2.0"),
    ("eplv1", "EPL-1.0"),
    ("eplv1.0", "EPL-1.0"),
    ("eplv2", "EPL-2.0"),
    ("eplv2.0", "EPL-2.0"),
    ("eupl", "EUPL-1.2"),
    ("eupl1.1", "EUPL-1.1"),
    ("eupl1.2", "EUPL-1.2"),
    ("euplv1.1", "EUPL-1.1"),
    ("euplv1.2", "EUPL-1.2"),
    ("europeanunionpublic1.1eupl1.1", "EUPL-1.1"),
    ("europeanunionpublic1.2", "EUPL-1.2"),
    ("europeanunionpublic1.2eupl1.2", "EUPL-1.2"),
    ("expat", "MIT"),
    ("expatmitx11", "MIT"),
    ("freebsd", "BSD-2-Clause"),
    ("freepublic1.0.0", "0BSD"),
    ("fsfallpermissive", "FSFAP"),
    ("fsfap", "FSFAP"),
    ("fsfconfigure", "FSFUL"),
    ("fsfpermissive", "FSFAP"),
    ("fsful", "FSFUL"),
    ("fsfullr", "FSFULLR"),
    ("fsfunlimited", "FSFUL"),
    (
        "gnugeneralpublic2withclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    (
        "gnugeneralpublic2withgnuclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    (
        "gnugplv2withclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    ("gpl+orartistic", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    (
        "gpl2.0withclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    ("gpl2wcpe", "GPL-2.0-only WITH Classpath-exception-2.0"),
    (
        "gpl2withclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    ("gplv2+ce", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("gplv2wcpe", "GPL-2.0-only WITH Classpath-exception-2.0"),
    (
        "gplv2withclasspathexception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    ("gplwcpe", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("henryspencer", "Spencer-94"),
    ("henryspencerregex", "Spencer-94"),
    ("historicalpermissionnoticeanddisclaimer", "HPND"),
    ("historicalpermissionnoticeanddisclaimerhpnd", "HPND"),
    ("hpnd", "HPND"),
    ("ibm", "IPL-1.0"),
    ("ibmpublic", "IPL-1.0"),
    ("icu", "ICU"),
    ("ijg", "IJG"),
    ("infozip", "Info-ZIP"),
    ("innernet", "Inner-Net-2.0"),
    ("isc", "ISC"),
    ("isciscl", "ISC"),
    ("iscl", "ISC"),
    ("iscstyle", "ISC"),
    ("jpeg", "IJG"),
    ("json", "JSON"),
    ("latexprojectpublic", "LPPL-1.3c"),
    ("libpng", "Libpng"),
    ("lppl", "LPPL-1.3c"),
    ("lppl1.3a", "LPPL-1.3a"),
    ("lppl1.3c", "LPPL-1.3c"),
    ("microsoftpublic", "MS-PL"),
    ("microsoftpublicmspl", "MS-PL"),
    ("microsoftreciprocal", "MS-RL"),
    ("mit", "MIT"),
    ("mit0", "MIT-0"),
    ("mitcurl", "curl"),
    ("mitexpat", "MIT"),
    ("mitl", "MIT"),
    ("mitlike", "MIT"),
    ("mitmit", "MIT"),
    ("mitnoattribution", "MIT-0"),
    ("mitnoattributionmit0", "MIT-0"),
    ("mitopensource", "MIT"),
    ("mitstyle", "MIT"),
    ("mitx", "MIT"),
    ("mitx11", "MIT"),
    ("modifiedbsd", "BSD-3-Clause"),
    ("mozillapublic", "MPL-2.0"),
    ("mozillapublic1.0", "MPL-1.0"),
    ("mozillapublic1.0mpl", "MPL-1.0"),
    ("mozillapublic1.1", "MPL-1.1"),
    ("mozillapublic1.1mpl1.1", "MPL-1.1"),
    ("mozillapublic2.0", "MPL-2.0"),
    ("mozillapublic2.0mpl2", "MPL-2.0"),
    ("mozillapublic2.0mpl2.0", "MPL-2.0"),
    ("mozillapublicv2.0", "MPL-2.0"),
    ("mpl", "MPL-2.0"),
    ("mpl1.0", "MPL-1.0"),
    ("mpl1.1", "MPL-1.1"),
    ("mpl2", "MPL-2.0"),
    ("mpl2.0", "MPL-2.0"),
    ("mplv1.0", "MPL-1.0"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2", "MPL-2.0"),
    ("mplv2.0", "MPL-2.0"),
    ("mspl", "MS-PL"),
    ("msrl", "MS-RL"),
    ("naist", "NAIST-2003"),
    ("naist2003", "NAIST-2003"),
    ("ncsa", "NCSA"),
    ("newbsd", "BSD-3-Clause"),
    ("ntp", "NTP"),
    ("ofl", "OFL-1.1"),
    ("ofl1.1", "OFL-1.1"),
    ("oldbsd", "BSD-4-Clause"),
    ("open3.0", "OSL-3.0"),
    ("openfont", "OFL-1.1"),
    ("openldap", "OLDAP-2.8"),
    ("openldap2.8", "OLDAP-2.8"),
    ("openldappublic", "OLDAP-2.8"),
    ("openssl", "OpenSSL"),
    ("opensslssleay", "OpenSSL"),
    ("originalbsd", "BSD-4-Clause"),
    ("osl", "OSL-3.0"),
    ("osl3.0", "OSL-3.0"),
    ("oslv3.0", "OSL-3.0"),
    ("pd", "LicenseRef-public-domain"),
    ("perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("perl5", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("permissivefsf", "FSFAP"),
    ("php", "PHP-3.01"),
    ("php3.0", "PHP-3.0"),
    ("php3.01", "PHP-3.01"),
    ("phpv3.01", "PHP-3.01"),
    ("psf", "PSF-2.0"),
    ("psf2", "PSF-2.0"),
    ("psf2.0", "PSF-2.0"),
    ("psfl", "PSF-2.0"),
    ("psfv2", "PSF-2.0"),
    ("publicdomain", "LicenseRef-public-domain"),
    ("publicdomaindedication", "LicenseRef-public-domain"),
    ("publicdomainpercreativecommonscc0", "CC0-1.0"),
    ("python", "Python-2.0"),
    ("python2", "Python-2.0"),
    ("python2.0", "Python-2.0"),
    ("pythoncnripython", "Python-2.0"),
    ("pythonfoundation", "PSF-2.0"),
    ("pythonfoundation2.0", "PSF-2.0"),
    ("pythonfoundationpsfl", "PSF-2.0"),
    ("qpl", "QPL-1.0"),
    ("qpl1.0", "QPL-1.0"),
    ("qpublic", "QPL-1.0"),
    ("qtpublic", "QPL-1.0"),
    ("revisedbsd", "BSD-3-Clause"),
    ("rsa", "RSA-MD"),
    ("rsamd", "RSA-MD"),
    ("ruby", "Ruby"),
    ("rubys", "Ruby"),
    ("sameasperl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    (
        "sametermsasperlitself",
        "Artistic-1.0-Perl OR GPL-1.0-or-later",
    ),
    ("saxpd", "SAX-PD"),
    ("serversidepublic", "SSPL-1.0"),
    ("serversidepublic1", "SSPL-1.0"),
    ("sgi", "SGI-B-2.0"),
    ("sgib2.0", "SGI-B-2.0"),
    ("silofl1.1", "OFL-1.1"),
    ("silopenfont", "OFL-1.1"),
    ("silopenfont1.1", "OFL-1.1"),
    ("silopenfont1.1ofl1.1", "OFL-1.1"),
    ("simplifiedbsd", "BSD-2-Clause"),
    ("sissl", "SISSL"),
    ("sleepycat", "Sleepycat"),
    ("spencer94", "Spencer-94"),
    ("sqlite", "blessing"),
    ("sqliteblessing", "blessing"),
    ("ssleayopenssl", "OpenSSL"),
    ("sspl", "SSPL-1.0"),
    ("sspl1.0", "SSPL-1.0"),
    ("ssplv1", "SSPL-1.0"),
    ("sunindustrystandardssource", "SISSL"),
    ("tcl", "TCL"),
    ("tcltk", "TCL"),
    ("tcpwrappers", "TCP-wrappers"),
    ("uiuc", "NCSA"),
    ("unicode", "Unicode-DFS-2016"),
    ("unicode3", "Unicode-3.0"),
    ("unicode3.0", "Unicode-3.0"),
    ("unicodedata", "Unicode-DFS-2016"),
    ("unicodedfs2016", "Unicode-DFS-2016"),
    ("universalpermissive", "UPL-1.0"),
    ("universalpermissive1.0", "UPL-1.0"),
    ("universalpermissiveupl", "UPL-1.0"),
    ("universityofillinoisncsaopensource", "NCSA"),
    ("unlicense", "Unlicense"),
    ("unlicenseunlicense", "Unlicense"),
    ("upl", "UPL-1.0"),
    ("upl1.0", "UPL-1.0"),
    ("vim", "Vim"),
    ("w3c", "W3C"),
    ("w3cnoticeand", "W3C"),
    ("wtfpl", "WTFPL"),
    ("wtfpl2", "WTFPL"),
    ("wtfpl2.0", "WTFPL"),
    ("wtfplv2", "WTFPL"),
    ("x11", "X11"),
    ("x11mit", "MIT"),
    ("zerobsd", "0BSD"),
    ("zlib", "Zlib"),
    ("zliblibpng", "Zlib"),
    ("zlibzlib", "Zlib"),
    ("zopepublic", "ZPL-2.1"),
    ("zopepublic2.0", "ZPL-2.0"),
    ("zopepublic2.1", "ZPL-2.1"),
    ("zpl", "ZPL-2.1"),
    ("zpl2.1", "ZPL-2.1"),
    ("zplv2.0", "ZPL-2.0"),
    ("zplv2.1", "ZPL-2.1"),
];

/// What kind of licence an identifier names.
pub(super) fn category(id: &str) -> Category {
    let plain = id.trim_end_matches('+');
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| plain.starts_with(prefix));
    match plain {
        "CC0-1.0"
        | "Unlicense"
        | "PDDL-1.0"
        | "0BSD"
        | "MIT-0"
        | "WTFPL"
        | "SAX-PD"
        | "blessing"
        | "LicenseRef-public-domain"
        | "LicenseRef-Fedora-Public-Domain"
        | "NIST-PD" => return Category::PublicDomain,
        "LicenseRef-BSD" => return Category::Permissive,
        "JSON" => return Category::Permissive,
        _ => {}
    }
    if plain.starts_with("LicenseRef-") {
        return Category::Unknown;
    }
    if starts(&[
        "SSPL-",
        "BUSL-",
        "FSL-",
        "Elastic-",
        "PolyForm-",
        "Parity-",
        "Prosperity-",
        "Aladdin",
        "Hippocratic-",
    ]) || (plain.starts_with("CC-BY") && (plain.contains("-NC") || plain.contains("-ND")))
    {
        return Category::Proprietary;
    }
    if starts(&["AGPL-", "EUPL-", "OSL-", "RPSL-", "CPAL-", "Watcom-"]) {
        return Category::NetworkCopyleft;
    }
    if starts(&[
        "GPL-",
        "CC-BY-SA-",
        "GFDL-",
        "QPL-",
        "Sleepycat",
        "CECILL-2",
        "CECILL-1",
        "copyleft-next",
    ]) {
        return Category::StrongCopyleft;
    }
    if starts(&[
        "LGPL-",
        "MPL-",
        "EPL-",
        "CDDL-",
        "CPL-",
        "IPL-",
        "APSL-",
        "Artistic-",
        "MS-RL",
        "OFL-",
        "CECILL-C",
        "NPL-",
        "SPL-",
        "LPPL-",
        "Ruby",
        "ErlPL-",
        "SISSL",
        "Motosoto",
        "RSCPL",
        "YPL-",
        "ODbL-",
        "LGPLLR",
        "Nokia",
    ]) {
        return Category::WeakCopyleft;
    }
    match spdx::license_id(plain) {
        // What SPDX marks as copyleft and no row above sorts.
        Some(id) if id.is_copyleft() => Category::StrongCopyleft,
        Some(id) if id.is_osi_approved() || id.is_fsf_free_libre() => Category::Permissive,
        Some(id) if is_permissive_kin(id.name) => Category::Permissive,
        _ => Category::Unknown,
    }
}

/// Permissive ones that neither OSI nor FSF has looked at.
fn is_permissive_kin(id: &str) -> bool {
    let starts = [
        "BSD-",
        "MIT-",
        "HPND",
        "X11",
        "curl",
        "Apache-",
        "CC-BY-",
        "PSF-",
        "Python-",
        "PHP-",
        "OpenSSL",
        "Zlib",
        "ICU",
        "Unicode-",
        "bzip2-",
        "libpng",
        "Libpng",
        "NAIST-",
        "Inner-Net",
        "TCL",
        "Vim",
        "ISC",
        "OLDAP-",
        "FSFUL",
        "FSFAP",
        "Spencer-",
        "Beerware",
        "TCP-wrappers",
        "NTP",
        "blessing",
        "BlueOak-",
        "Info-ZIP",
        "IJG",
        "MS-PL",
        "W3C",
        "SSH-",
        "RSA-MD",
        "Latex2e",
        "Bitstream-Vera",
        "Cube",
        "Net-SNMP",
        "xpp",
        "zlib-acknowledgement",
    ];
    starts.iter().any(|start| id.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_keys_are_keys() {
        assert!(TABLE.is_sorted_by(|(a, _), (b, _)| a < b));
        for (known, id) in TABLE {
            assert_eq!(*known, key(known), "{id}");
            assert!(spdx::Expression::parse(id).is_ok(), "{id}");
            assert!(gnu(known).is_none(), "{known} is told by its family");
        }
    }

    #[test]
    fn every_licence_of_the_table_has_a_category() {
        let mut unknown = Vec::new();
        for (_, id) in TABLE {
            for id in id.split(" OR ").flat_map(|id| id.split(" WITH ").take(1)) {
                if category(id) == Category::Unknown {
                    unknown.push(id);
                }
            }
        }
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
