//! EPSS, how likely a vulnerability is exploited within 30 days: <https://www.first.org/epss/data_stats>.
//!
//! One CSV a day, gzip-compressed: a comment with the model and the date
//! (`#model_version:v2025.03.14,score_date:2026-08-16T12:00:00Z`), the names of the columns, then a
//! row for each CVE. Of several days the newest counts.

use std::io::{BufRead as _, BufReader, Read as _};

use lamina_advisories::record::{Day, Epss as Score, Share};

use super::{EPSS, Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::Builder,
    limits::{MAX_CSV_BYTES, MAX_CSV_LINE_BYTES},
    location::Location,
};

pub(super) struct Epss;

impl Feed for Epss {
    fn id(&self) -> &'static str {
        EPSS
    }

    fn name(&self) -> &'static str {
        "EPSS"
    }

    fn url(&self) -> &'static str {
        "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
    }

    fn licence(&self) -> &'static str {
        "free to use, with attribution: https://www.first.org/epss/"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(self.url(), "epss_scores-current.csv.gz")]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.starts_with("epss_scores-") && (file.ends_with(".csv") || file.ends_with(".csv.gz"))
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let mut reader = BufReader::new(decompressed(&mut input, MAX_CSV_BYTES)?);
        let mut line = String::new();
        let mut columns: Option<Columns> = None;
        loop {
            line.clear();
            let read = (&mut reader)
                .take(MAX_CSV_LINE_BYTES)
                .read_line(&mut line)?;
            if read == 0 {
                break;
            }
            let text = line.trim_end();
            if let Some(comment) = text.strip_prefix('#') {
                let date = comment
                    .split(',')
                    .find_map(|field| field.trim().strip_prefix("score_date:"));
                if let Some(date) = date.filter(|date| !out.begins(self, date)) {
                    out.skip(self.id(), "left out: older than another file", path, date);
                    return Ok(());
                }
                continue;
            }
            if text.is_empty() {
                continue;
            }
            let Some(columns) = &columns else {
                columns = Some(Columns::of(text).ok_or(FeedError::Foreign("no EPSS columns"))?);
                continue;
            };
            out.count(self);
            match columns.read(text) {
                Some((cve, score)) => out.score(cve, score),
                None => out.skip(self.id(), "unreadable: row", path, text),
            }
        }
        if columns.is_none() {
            return Err(FeedError::Foreign("no EPSS columns"));
        }
        Ok(())
    }
}

/// Where the columns are.
struct Columns {
    cve: usize,
    epss: usize,
    percentile: usize,
}

impl Columns {
    fn of(header: &str) -> Option<Self> {
        let position = |name: &str| header.split(',').position(|column| column.trim() == name);
        Some(Self {
            cve: position("cve")?,
            epss: position("epss")?,
            percentile: position("percentile")?,
        })
    }

    fn read<'a>(&self, row: &'a str) -> Option<(&'a str, Score)> {
        let field = |number| row.split(',').nth(number).map(str::trim);
        let share = |number| {
            let value: f64 = field(number)?.parse().ok()?;
            (0.0..=1.0).contains(&value).then(|| Share::of(value))
        };
        let cve = field(self.cve).filter(|cve| cve.starts_with("CVE-"))?;
        let score = Score {
            score: share(self.epss)?,
            percentile: share(self.percentile)?,
        };
        Some((cve, score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let check = |header: &str, row: &str, expect: Option<(&str, f64, f64)>| {
            let columns = Columns::of(header).unwrap();
            let got = columns.read(row).map(|(cve, score)| {
                let round = |share: Share| (share.value() * 1000.0).round() / 1000.0;
                (cve, round(score.score), round(score.percentile))
            });
            assert_eq!(got, expect, "{row}");
        };
        let header = "cve,epss,percentile";
        check(header, "CVE-1-1,0.5,0.25", Some(("CVE-1-1", 0.5, 0.25)));
        check(header, "CVE-1-1,1.5,0.25", None);
        check(header, "CVE-1-1,NaN,0.25", None);
        check(header, "CVE-1-1,0.5", None);
        check(header, "1-1,0.5,0.25", None);
        let other = "percentile,new,cve,epss";
        check(other, "0.1,x,CVE-1-1,0.9", Some(("CVE-1-1", 0.9, 0.1)));
        assert!(Columns::of("cve,epss").is_none());
    }
}
