//! Until when releases of distributions get security updates.
//!
//! Facts as <https://endoflife.date> has them, of releases that ended in 2014 or later: before there
//! were no images. Rolling releases (Arch, Wolfi, Debian testing) have no end.

/// A release of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// `ID` of os-release(5); `centos-stream` where that has `centos`.
    pub id: &'static str,
    /// The beginning of `VERSION_ID` that tells releases apart.
    pub version: &'static str,
    /// The last day of regular security updates.
    pub end: &'static str,
    /// The last day of a longer programme, which is for paying customers or for fewer packages.
    pub extended_end: Option<&'static str>,
}

const fn row(
    id: &'static str,
    version: &'static str,
    end: &'static str,
    extended_end: Option<&'static str>,
) -> Release {
    Release {
        id,
        version,
        end,
        extended_end,
    }
}

/// The release with that `ID` and `VERSION_ID`, where the name tells CentOS Stream from CentOS.
pub fn release_of(id: &str, version: &str, pretty_name: &str) -> Option<&'static Release> {
    let id = match id {
        "centos" if pretty_name.contains("Stream") => "centos-stream",
        "opensuse" => "opensuse-leap",
        _ => id,
    };
    // `3.19.1` is a point of 3.19; `9.4` one of 9.
    let is_of = |release: &&Release| {
        let rest = version.strip_prefix(release.version);
        release.id == id && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    RELEASES
        .iter()
        .filter(is_of)
        .max_by_key(|release| release.version.len())
}

/// By distribution, oldest first. Dates are as RFC 3339 has them.
pub const RELEASES: &[Release] = &[
    row("alpine", "2.4", "2014-05-01", None),
    row("alpine", "2.5", "2014-11-01", None),
    row("alpine", "2.6", "2015-05-01", None),
    row("alpine", "2.7", "2015-11-01", None),
    row("alpine", "3.0", "2016-05-01", None),
    row("alpine", "3.1", "2016-11-01", None),
    row("alpine", "3.2", "2017-05-01", None),
    row("alpine", "3.3", "2017-11-01", None),
    row("alpine", "3.4", "2018-05-01", None),
    row("alpine", "3.5", "2018-11-01", None),
    row("alpine", "3.6", "2019-05-01", None),
    row("alpine", "3.7", "2019-11-01", None),
    row("alpine", "3.8", "2020-05-01", None),
    row("alpine", "3.9", "2020-11-01", None),
    row("alpine", "3.10", "2021-05-01", None),
    row("alpine", "3.11", "2021-11-01", None),
    row("alpine", "3.12", "2022-05-01", None),
    row("alpine", "3.13", "2022-11-01", None),
    row("alpine", "3.14", "2023-05-01", None),
    row("alpine", "3.15", "2023-11-01", None),
    row("alpine", "3.16", "2024-05-23", None),
    row("alpine", "3.17", "2024-11-22", None),
    row("alpine", "3.18", "2025-05-09", None),
    row("alpine", "3.19", "2025-11-01", None),
    row("alpine", "3.20", "2026-04-01", None),
    row("alpine", "3.21", "2026-11-01", None),
    row("alpine", "3.22", "2027-05-01", None),
    row("alpine", "3.23", "2027-11-01", None),
    row("alpine", "3.24", "2028-06-01", None),
    row("debian", "6", "2014-05-31", Some("2016-02-29")),
    row("debian", "7", "2016-04-25", Some("2018-05-31")),
    row("debian", "8", "2018-06-17", Some("2020-06-30")),
    row("debian", "9", "2020-07-18", Some("2022-07-01")),
    row("debian", "10", "2022-09-10", Some("2024-06-30")),
    row("debian", "11", "2024-08-14", Some("2026-08-31")),
    row("debian", "12", "2026-07-11", Some("2028-06-30")),
    row("debian", "13", "2028-08-09", Some("2030-06-30")),
    row("ubuntu", "12.04", "2017-04-28", Some("2019-04-26")),
    row("ubuntu", "12.10", "2014-05-16", None),
    row("ubuntu", "13.04", "2014-01-27", None),
    row("ubuntu", "13.10", "2014-07-17", None),
    row("ubuntu", "14.04", "2019-04-02", Some("2024-04-02")),
    row("ubuntu", "14.10", "2015-07-23", None),
    row("ubuntu", "15.04", "2016-02-04", None),
    row("ubuntu", "15.10", "2016-07-28", None),
    row("ubuntu", "16.04", "2021-04-02", Some("2026-04-02")),
    row("ubuntu", "16.10", "2017-07-20", None),
    row("ubuntu", "17.04", "2018-01-13", None),
    row("ubuntu", "17.10", "2018-07-19", None),
    row("ubuntu", "18.04", "2023-05-31", Some("2028-04-01")),
    row("ubuntu", "18.10", "2019-07-18", None),
    row("ubuntu", "19.04", "2020-01-23", None),
    row("ubuntu", "19.10", "2020-07-06", None),
    row("ubuntu", "20.04", "2025-05-31", Some("2030-04-02")),
    row("ubuntu", "20.10", "2021-07-22", None),
    row("ubuntu", "21.04", "2022-01-20", None),
    row("ubuntu", "21.10", "2022-07-14", None),
    row("ubuntu", "22.04", "2027-04-01", Some("2032-04-09")),
    row("ubuntu", "22.10", "2023-07-20", None),
    row("ubuntu", "23.04", "2024-01-20", None),
    row("ubuntu", "23.10", "2024-07-12", None),
    row("ubuntu", "24.04", "2029-05-31", Some("2036-05-31")),
    row("ubuntu", "24.10", "2025-07-10", None),
    row("ubuntu", "25.04", "2026-01-17", None),
    row("ubuntu", "25.10", "2026-07-01", None),
    row("ubuntu", "26.04", "2031-04-30", Some("2036-04-30")),
    row("centos", "5", "2017-03-31", None),
    row("centos", "6", "2020-11-30", None),
    row("centos", "7", "2024-06-30", None),
    row("centos", "8", "2021-12-31", None),
    row("centos-stream", "8", "2024-05-31", None),
    row("centos-stream", "9", "2027-05-31", None),
    row("centos-stream", "10", "2030-05-31", None),
    row("rhel", "5", "2017-03-31", Some("2020-11-30")),
    row("rhel", "6", "2020-11-30", Some("2024-06-30")),
    row("rhel", "7", "2024-06-30", Some("2029-05-31")),
    row("rhel", "8", "2029-05-31", Some("2033-05-31")),
    row("rhel", "9", "2032-05-31", Some("2036-05-31")),
    row("rhel", "10", "2035-05-31", Some("2039-05-31")),
    row("almalinux", "8", "2029-05-31", None),
    row("almalinux", "9", "2032-05-31", None),
    row("almalinux", "10", "2035-05-31", None),
    row("rocky", "8", "2029-05-31", None),
    row("rocky", "9", "2032-05-31", None),
    row("rocky", "10", "2035-05-31", None),
    row("ol", "6", "2021-03-31", Some("2024-12-31")),
    row("ol", "7", "2024-12-31", Some("2028-06-30")),
    row("ol", "8", "2029-07-31", Some("2032-07-31")),
    row("ol", "9", "2032-06-30", Some("2035-06-30")),
    row("amzn", "2018.03", "2023-12-31", None),
    row("amzn", "2", "2026-06-30", None),
    row("amzn", "2023", "2029-06-30", None),
    row("fedora", "18", "2014-01-14", None),
    row("fedora", "19", "2015-01-06", None),
    row("fedora", "20", "2015-06-23", None),
    row("fedora", "21", "2015-12-01", None),
    row("fedora", "22", "2016-07-19", None),
    row("fedora", "23", "2016-12-20", None),
    row("fedora", "24", "2017-08-08", None),
    row("fedora", "25", "2017-12-12", None),
    row("fedora", "26", "2018-05-29", None),
    row("fedora", "27", "2018-11-30", None),
    row("fedora", "28", "2019-05-28", None),
    row("fedora", "29", "2019-11-26", None),
    row("fedora", "30", "2020-05-26", None),
    row("fedora", "31", "2020-11-24", None),
    row("fedora", "32", "2021-05-25", None),
    row("fedora", "33", "2021-11-30", None),
    row("fedora", "34", "2022-06-07", None),
    row("fedora", "35", "2022-12-13", None),
    row("fedora", "36", "2023-05-16", None),
    row("fedora", "37", "2023-12-05", None),
    row("fedora", "38", "2024-05-21", None),
    row("fedora", "39", "2024-11-26", None),
    row("fedora", "40", "2025-05-13", None),
    row("fedora", "41", "2025-12-15", None),
    row("fedora", "42", "2026-05-27", None),
    row("fedora", "43", "2026-12-09", None),
    row("fedora", "44", "2027-06-02", None),
    row("opensuse-leap", "12.2", "2014-01-15", None),
    row("opensuse-leap", "12.3", "2015-01-29", None),
    row("opensuse-leap", "13.1", "2016-02-03", None),
    row("opensuse-leap", "13.2", "2017-01-17", None),
    row("opensuse-leap", "42.1", "2017-05-17", None),
    row("opensuse-leap", "42.2", "2018-01-26", None),
    row("opensuse-leap", "42.3", "2019-07-01", None),
    row("opensuse-leap", "15.0", "2019-12-03", None),
    row("opensuse-leap", "15.1", "2021-02-02", None),
    row("opensuse-leap", "15.2", "2022-01-04", None),
    row("opensuse-leap", "15.3", "2022-12-31", None),
    row("opensuse-leap", "15.4", "2023-12-07", None),
    row("opensuse-leap", "15.5", "2024-12-31", None),
    row("opensuse-leap", "15.6", "2026-04-30", None),
    row("opensuse-leap", "16.0", "2027-10-31", None),
    row("sles", "11.2", "2014-01-31", Some("2017-01-30")),
    row("sles", "11.3", "2016-01-31", Some("2019-01-30")),
    row("sles", "12.0", "2016-06-30", Some("2019-07-01")),
    row("sles", "11.4", "2019-03-31", Some("2022-03-31")),
    row("sles", "12.1", "2017-05-31", Some("2020-05-31")),
    row("sles", "12.2", "2018-03-31", Some("2021-03-31")),
    row("sles", "12.3", "2019-06-30", Some("2022-06-30")),
    row("sles", "15.0", "2019-12-31", Some("2022-12-31")),
    row("sles", "12.4", "2020-06-30", Some("2023-06-30")),
    row("sles", "15.1", "2021-01-31", Some("2024-01-31")),
    row("sles", "12.5", "2024-10-31", Some("2027-10-31")),
    row("sles", "15.2", "2021-12-31", Some("2024-12-31")),
    row("sles", "15.3", "2022-12-31", Some("2025-12-31")),
    row("sles", "15.4", "2023-12-31", Some("2026-12-31")),
    row("sles", "15.5", "2024-12-31", Some("2027-12-31")),
    row("sles", "15.6", "2025-12-31", Some("2028-12-31")),
    row("sles", "15.7", "2031-07-31", Some("2034-07-31")),
    row("sles", "16.0", "2027-11-30", Some("2030-11-30")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_what_os_release_says() {
        let end = |id, version, name| release_of(id, version, name).map(|release| release.end);
        assert_eq!(end("alpine", "3.19.1", ""), Some("2025-11-01"));
        assert_eq!(end("alpine", "3.1", ""), Some("2016-11-01"));
        assert_eq!(end("debian", "12", ""), Some("2026-07-11"));
        assert_eq!(end("rhel", "9.4", ""), Some("2032-05-31"));
        assert_eq!(end("centos", "8", "CentOS Linux 8"), Some("2021-12-31"));
        assert_eq!(end("centos", "8", "CentOS Stream 8"), Some("2024-05-31"));
        assert_eq!(end("debian", "1", ""), None);
        assert_eq!(end("arch", "", ""), None);
        assert_eq!(end("wolfi", "20230201", ""), None);
    }

    #[test]
    fn dates_are_dates() {
        for release in RELEASES {
            let dates = [Some(release.end), release.extended_end];
            for date in dates.into_iter().flatten() {
                let shape: String = date
                    .chars()
                    .map(|c| if c.is_ascii_digit() { '0' } else { c })
                    .collect();
                assert_eq!(shape, "0000-00-00", "{release:?}");
            }
            assert!(release.extended_end.is_none_or(|end| end > release.end));
        }
    }
}
