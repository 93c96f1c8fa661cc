//! The strata: the image drawn as the stack of its layers.

use lamina_report::model::{Base, BaseBasis, HistoryStep, Layer, Report};

use super::{
    counts::{self, Counts},
    language::{fill, t},
    steps::{self, Step},
};

/// What a band is made of; each has its own hatching, as on a geologist's map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rock {
    /// The base's file system.
    Bedrock,
    /// A command was run.
    Run,
    /// Files were copied in.
    Copy,
    /// Anything else.
    Other,
}

impl Rock {
    /// The word for `data-rock`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::Run => "run",
            Self::Copy => "copy",
            Self::Other => "other",
        }
    }
}

/// One line of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub enum Stratum {
    /// A layer.
    Band(Band),
    /// Consecutive build steps that made no layer.
    Seam(Vec<Step>),
    /// What lies below is the base image's; the words say whose and how that is known.
    BaseEnd(String),
}

/// One layer as a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its index.
    pub layer: usize,
    /// The build step that made it.
    pub step: Step,
    /// What it is made of.
    pub rock: Rock,
    /// Bytes of its blob, or of its tar where the blob's are not known.
    pub bytes: u64,
    /// Height in rem.
    pub height: f64,
    /// 0 for the lowest band, 1 for the topmost.
    pub rise: f64,
    /// Packages it introduced.
    pub packages_added: u64,
    /// Packages it removed.
    pub packages_removed: u64,
    /// Findings of packages it introduced.
    pub counts: Counts,
    /// Bytes that a later layer replaces or deletes.
    pub wasted_bytes: u64,
    /// Why it could not be read to its end.
    pub error: Option<String>,
}

/// The lines of a report's drawing, lowest first.
pub fn of_report(report: &Report) -> Vec<Stratum> {
    let bytes: Vec<u64> = report.layers.iter().map(layer_bytes).collect();
    let mut by_layer = vec![Counts::default(); report.layers.len()];
    for finding in &report.findings {
        let layer = report
            .packages
            .get(finding.package)
            .map(|package| package.layer);
        if let Some(counts) = layer.and_then(|layer| by_layer.get_mut(layer)) {
            counts::add(counts, finding.severity);
        }
    }
    let heights = heights(&bytes);
    let bands = report
        .layers
        .iter()
        .zip(by_layer)
        .zip(bytes.iter().zip(heights))
        .enumerate()
        .map(|(index, ((layer, counts), (bytes, height)))| {
            let step = steps::parse(&layer.created_by);
            Band {
                layer: index,
                rock: rock(&step, index),
                step,
                bytes: *bytes,
                height,
                rise: rise(index, report.layers.len()),
                packages_added: layer.packages_added,
                packages_removed: layer.packages_removed,
                counts,
                wasted_bytes: layer.wasted_bytes,
                error: layer.error.clone(),
            }
        });
    let strata = with_seams(bands.collect(), &report.image.history);
    based(strata, report.base.as_ref())
}

fn based(strata: Vec<Stratum>, base: Option<&Base>) -> Vec<Stratum> {
    match base {
        Some(base) => with_base(strata, base),
        None => strata,
    }
}

/// Marks where the base ends, if there is a layer above it. Steps that made no layer and stand
/// there are the base's up to the first `CMD`, or else the last `ENTRYPOINT`: these end a build.
fn with_base(strata: Vec<Stratum>, base: &Base) -> Vec<Stratum> {
    let is_of_base =
        |stratum: &Stratum| matches!(stratum, Stratum::Band(band) if band.layer < base.layers);
    let is_own =
        |stratum: &Stratum| matches!(stratum, Stratum::Band(band) if band.layer >= base.layers);
    let Some(last) = strata.iter().rposition(is_of_base) else {
        return strata;
    };
    if !strata.iter().any(is_own) {
        return strata;
    }
    let mut marked = Vec::with_capacity(strata.len() + 2);
    let mut line = Some(Stratum::BaseEnd(base_words(base)));
    for (index, stratum) in strata.into_iter().enumerate() {
        match stratum {
            Stratum::Seam(mut steps) if index == last + 1 => {
                let is = |step: &Step, keyword: &str| step.keyword == keyword;
                let end = steps
                    .iter()
                    .position(|step| is(step, "CMD"))
                    .or_else(|| steps.iter().rposition(|step| is(step, "ENTRYPOINT")))
                    .map_or(0, |place| place + 1);
                let own = steps.split_off(end.min(steps.len()));
                for (steps, is_last) in [(steps, false), (own, true)] {
                    if is_last {
                        marked.extend(line.take());
                    }
                    if !steps.is_empty() {
                        marked.push(Stratum::Seam(steps));
                    }
                }
            }
            other => {
                if index > last {
                    marked.extend(line.take());
                }
                marked.push(other);
            }
        }
    }
    marked
}

/// `Base image debian:12, named by an annotation`.
pub fn base_words(base: &Base) -> String {
    let basis = base_basis(base.basis);
    match &base.name {
        Some(name) => fill(
            t("Base image {name}, {basis}"),
            &[("name", name), ("basis", basis)],
        ),
        None => fill(t("Base image, {basis}"), &[("basis", basis)]),
    }
}

/// How it is known where the base ends.
pub fn base_basis(basis: BaseBasis) -> &'static str {
    match basis {
        BaseBasis::ChainId => t("told by its chain id"),
        BaseBasis::Annotation => t("named by the image"),
        BaseBasis::History => t("told by the history"),
        _ => t("told in a way this page does not know"),
    }
}

/// The lines before there is a report: sizes and build steps are known, nothing else.
pub fn of_scan(
    layers: &[(u64, String)],
    history: &[HistoryStep],
    base: Option<&Base>,
) -> Vec<Stratum> {
    let bytes: Vec<u64> = layers.iter().map(|(bytes, _)| *bytes).collect();
    let bands = layers.iter().zip(heights(&bytes)).enumerate().map(
        |(index, ((bytes, created_by), height))| {
            let step = steps::parse(created_by);
            Band {
                layer: index,
                rock: rock(&step, index),
                step,
                bytes: *bytes,
                height,
                rise: rise(index, layers.len()),
                packages_added: 0,
                packages_removed: 0,
                counts: Counts::default(),
                wasted_bytes: 0,
                error: None,
            }
        },
    );
    based(with_seams(bands.collect(), history), base)
}

/// The size by which a layer's band is drawn, in a scan and in its report alike.
pub fn layer_bytes(layer: &Layer) -> u64 {
    if layer.compressed_size > 0 {
        layer.compressed_size
    } else {
        layer.uncompressed_size
    }
}

/// Heights in rem. Thickness follows the order of magnitude, not the size: a layer of 1 kB beside
/// one of 1 GB is still there to be read and clicked. Many layers are drawn thinner.
fn heights(bytes: &[u64]) -> Vec<f64> {
    let (least, spread) = match bytes.len() {
        0..=8 => (3.75, 4.5),
        9..=16 => (3.5, 3.0),
        _ => (3.25, 1.5),
    };
    bytes
        .iter()
        .map(|bytes| {
            // 0 at 16 kB and below, 1 at 1 GB and above.
            let magnitude = ((*bytes as f64).max(1.0) / 16_384.0).log2() / 16.0;
            let height: f64 = least + spread * magnitude.clamp(0.0, 1.0).powf(1.5);
            (height * 16.0).round() / 16.0
        })
        .collect()
}

fn rise(index: usize, count: usize) -> f64 {
    if count < 2 {
        return 0.0;
    }
    index as f64 / (count - 1) as f64
}

fn rock(step: &Step, index: usize) -> Rock {
    match step.keyword.as_str() {
        "BASE" => Rock::Bedrock,
        _ if index == 0 => Rock::Bedrock,
        "RUN" => Rock::Run,
        "COPY" | "ADD" => Rock::Copy,
        _ => Rock::Other,
    }
}

/// Puts the steps that made no layer between the bands, where the history says they belong.
fn with_seams(bands: Vec<Band>, history: &[HistoryStep]) -> Vec<Stratum> {
    let mut strata = Vec::new();
    let mut seam = Vec::new();
    let mut bands = bands.into_iter().peekable();
    for entry in history {
        let Some(layer) = entry.layer else {
            seam.push(steps::parse(&entry.created_by));
            continue;
        };
        if bands.peek().is_some_and(|band| band.layer <= layer) && !seam.is_empty() {
            strata.push(Stratum::Seam(std::mem::take(&mut seam)));
        }
        while let Some(band) = bands.next_if(|band| band.layer <= layer) {
            strata.push(Stratum::Band(band));
        }
    }
    strata.extend(bands.map(Stratum::Band));
    if !seam.is_empty() {
        strata.push(Stratum::Seam(seam));
    }
    strata
}

/// What a seam says in few words: `CMD, EXPOSE, ENV ×3`.
pub fn seam_summary(steps: &[Step]) -> String {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for step in steps {
        match words.iter_mut().find(|(word, _)| *word == step.keyword) {
            Some((_, count)) => *count += 1,
            None => words.push((&step.keyword, 1)),
        }
    }
    let words: Vec<_> = words
        .into_iter()
        .map(|(word, count)| {
            if count == 1 {
                word.to_owned()
            } else {
                format!("{word} ×{count}")
            }
        })
        .collect();
    words.join(", ")
}

/// The layer that is `delta` bands above the selected one (below if negative); from none, the
/// topmost when going down and the lowest when going up.
pub fn neighbour(layers: usize, selected: Option<usize>, delta: isize) -> Option<usize> {
    let last = layers.checked_sub(1)?;
    Some(match selected {
        None if delta < 0 => last,
        None => 0,
        Some(selected) => selected.saturating_add_signed(delta).min(last),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(text: &str) -> Vec<HistoryStep> {
        text.split_whitespace()
            .map(|word| HistoryStep {
                created_by: word.trim_end_matches(char::is_numeric).to_owned(),
                layer: word
                    .chars()
                    .last()
                    .and_then(|c| c.to_digit(10))
                    .map(|digit| digit as usize),
                ..HistoryStep::default()
            })
            .collect()
    }

    fn drawn(layers: usize, steps: &str) -> String {
        let layers: Vec<_> = (0..layers).map(|_| (1, String::new())).collect();
        let words: Vec<_> = of_scan(&layers, &history(steps), None)
            .into_iter()
            .map(|stratum| match stratum {
                Stratum::Band(band) => band.layer.to_string(),
                Stratum::Seam(steps) => format!("({})", seam_summary(&steps)),
                Stratum::BaseEnd(words) => words,
            })
            .collect();
        words.join(" ")
    }

    #[test]
    fn steps_without_a_layer_are_seams_between_bands() {
        let check = |layers, steps, expect: &str| assert_eq!(drawn(layers, steps), expect);
        check(0, "", "");
        check(2, "", "0 1");
        check(2, "ADD0 CMD ENV ENV RUN1 CMD", "0 (CMD, ENV ×2) 1 (CMD)");
        check(1, "ARG ADD0", "(ARG) 0");
        // A history that tells of fewer or more layers than there are loses none.
        check(3, "ADD0 CMD RUN2", "0 (CMD) 1 2");
        check(1, "ADD0 RUN1 RUN5 CMD", "0 (CMD)");
    }

    #[test]
    fn the_base_ends_between_its_last_layer_and_the_next() {
        let check = |base_layers, steps: &str, expect: &str| {
            let layers: Vec<_> = (0..3).map(|_| (1, String::new())).collect();
            let base = Base {
                layers: base_layers,
                ..Base::default()
            };
            let words: Vec<_> = of_scan(&layers, &history(steps), Some(&base))
                .into_iter()
                .map(|stratum| match stratum {
                    Stratum::Band(band) => band.layer.to_string(),
                    Stratum::Seam(steps) => format!("({})", seam_summary(&steps)),
                    Stratum::BaseEnd(_) => "|".to_owned(),
                })
                .collect();
            assert_eq!(words.join(" "), expect, "{base_layers} {steps}");
        };
        check(1, "", "0 | 1 2");
        check(1, "ADD0 CMD RUN1 RUN2", "0 (CMD) | 1 2");
        check(
            2,
            "ADD0 RUN1 ENV CMD ENV WORKDIR COPY2",
            "0 1 (ENV, CMD) | (ENV, WORKDIR) 2",
        );
        check(
            1,
            "ADD0 CMD ENV ENTRYPOINT RUN1 RUN2",
            "0 (CMD) | (ENV, ENTRYPOINT) 1 2",
        );
        check(1, "ADD0 ENV RUN1 RUN2", "0 | (ENV) 1 2");
        // A base that is all of the image, or nothing, has no line.
        check(3, "ADD0 RUN1 RUN2 CMD", "0 1 2 (CMD)");
        check(0, "", "0 1 2");
        let base = Base {
            layers: 1,
            name: Some("debian:12".to_owned()),
            basis: BaseBasis::Annotation,
        };
        assert_eq!(
            base_words(&base),
            "Base image debian:12, named by the image"
        );
    }

    #[test]
    fn thickness_follows_the_order_of_magnitude() {
        let heights = heights(&[0, 1_000, 1_000_000, 100_000_000, 1 << 40]);
        assert!(heights.is_sorted());
        assert_eq!(heights.first(), Some(&3.75));
        assert_eq!(heights.last(), Some(&8.25));
    }

    #[test]
    fn selection_moves_by_one_and_stops_at_the_ends() {
        assert_eq!(neighbour(0, None, 1), None);
        assert_eq!(neighbour(3, None, -1), Some(2));
        assert_eq!(neighbour(3, None, 1), Some(0));
        assert_eq!(neighbour(3, Some(1), 1), Some(2));
        assert_eq!(neighbour(3, Some(2), 1), Some(2));
        assert_eq!(neighbour(3, Some(0), -1), Some(0));
        assert_eq!(neighbour(3, Some(9), -1), Some(2));
    }
}
