//! A map of where the bytes lie: rectangles as large as what they stand for.

use serde::{Deserialize, Serialize};

use super::{
    language::{fill, t, text},
    words,
};

/// Tiles of one directory at most; the rest is one more.
pub const MOST_TILES: usize = 48;

/// Tiles drawn within one of them at most.
pub const MOST_INNER: usize = 9;

/// Copies that are named beneath the map at most.
pub const MOST_WASTED: usize = 100;

/// What the map shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// Whose the visible bytes are.
    #[default]
    Owner,
    /// Which layer the visible bytes came with.
    Layer,
    /// Bytes that a later layer replaced or deleted.
    Waste,
}

impl By {
    /// All that it can show.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Layer, Self::Waste];

    /// The word for attributes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Layer => "layer",
            Self::Waste => "waste",
        }
    }

    /// The words on the choice.
    pub fn title(self) -> &'static str {
        match self {
            Self::Owner => text("By owner"),
            Self::Layer => text("By layer"),
            Self::Waste => text("Waste"),
        }
    }

    /// What the classes of its tiles are: a word for attributes, and one for people.
    pub fn classes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Owner | Self::Layer => &CLASSES,
            Self::Waste => &FATES,
        }
    }
}

/// What lies in a directory, weighed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    /// The directory's children, the largest first.
    pub tiles: Vec<Tile>,
    /// All that was weighed in it.
    pub total: Total,
    /// For waste, the largest copies that are never seen, the largest first.
    pub wasted: Vec<WastedCopy>,
    /// How many more of them there are.
    pub more_wasted: usize,
}

/// Sums of a directory and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Bytes of the files that are visible; for waste, of all copies that any layer has.
    pub bytes: u64,
    /// Of these, by class: see [`By::classes`].
    pub classes: [u64; 4],
    /// The layer that most bytes came with, and how many.
    pub most: Option<(usize, u64)>,
}

impl Total {
    /// Bytes that are never seen.
    pub fn wasted(&self) -> u64 {
        let [replaced, deleted, ..] = self.classes;
        replaced.saturating_add(deleted)
    }

    /// It in a sentence.
    pub fn words(&self, by: By) -> String {
        let all = words::size(self.bytes);
        match by {
            By::Owner => {
                let [os, language, classified, nobody] = self.classes.map(words::size);
                fill(
                    t(
                        "Of {all}, {os} belong to the distribution, {language} to language packages, {classified} to recognised programs, and {nobody} to nobody",
                    ),
                    &[
                        ("all", &all),
                        ("os", &os),
                        ("language", &language),
                        ("classified", &classified),
                        ("nobody", &nobody),
                    ],
                )
            }
            By::Layer => match self.most {
                Some((layer, bytes)) => fill(
                    t("Of {all}, layer {layer} brought the most: {most}"),
                    &[
                        ("all", &all),
                        ("layer", &layer.to_string()),
                        ("most", &words::size(bytes)),
                    ],
                ),
                None => t("No bytes lie here").to_owned(),
            },
            By::Waste => {
                let [replaced, deleted, ..] = self.classes;
                let sentence = match (replaced, deleted) {
                    (0, 0) => t(
                        "Nothing of {all} is wasted: no layer replaces or deletes what one below it wrote",
                    ),
                    (_, 0) => t("{wasted} of {all} are wasted: later layers replaced them"),
                    (0, _) => t("{wasted} of {all} are wasted: later layers deleted them"),
                    _ => t(
                        "{wasted} of {all} are wasted: later layers replaced {replaced} and deleted {deleted}",
                    ),
                };
                fill(
                    sentence,
                    &[
                        ("all", &all),
                        ("wasted", &words::size(self.wasted())),
                        ("replaced", &words::size(replaced)),
                        ("deleted", &words::size(deleted)),
                    ],
                )
            }
        }
    }
}

/// A layer's copy of a file that is never seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WastedCopy {
    /// The file.
    pub path: String,
    /// Bytes of the copy.
    pub size: u64,
    /// The layer that wrote it.
    pub layer: usize,
    /// The layer that replaced or deleted it.
    pub by: usize,
    /// Whether that layer deleted it, and put nothing in its place.
    pub is_deleted: bool,
}

/// The largest of many, while they are found.
#[derive(Debug, Default)]
pub struct LargestCopies {
    copies: Vec<WastedCopy>,
    count: usize,
}

impl LargestCopies {
    /// Takes note of one.
    pub fn add(&mut self, copy: WastedCopy) {
        self.count += 1;
        self.copies.push(copy);
        if self.copies.len() >= MOST_WASTED * 8 {
            self.trim();
        }
    }

    /// The largest, and how many were left out.
    pub fn finish(mut self) -> (Vec<WastedCopy>, usize) {
        self.trim();
        let more = self.count - self.copies.len();
        (self.copies, more)
    }

    fn trim(&mut self) {
        self.copies.sort_by(|a, b| {
            b.size
                .cmp(&a.size)
                .then_with(|| (&a.path, a.layer).cmp(&(&b.path, b.layer)))
        });
        self.copies.truncate(MOST_WASTED);
    }
}

/// A file or directory with the bytes in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tile {
    /// Its name; empty for all that is too small to be shown.
    pub name: String,
    /// Bytes of the files that are visible in it; for waste, of the copies that are not.
    pub size: u64,
    /// Whether it can be entered.
    pub is_directory: bool,
    /// What most of its bytes are: an index into [`By::classes`].
    pub class: usize,
    /// The layer that most of its bytes came with.
    pub layer: usize,
    /// What lies in it, the largest first.
    pub inner: Vec<Tile>,
}

/// Whose bytes are: a word for attributes, and one for people.
const CLASSES: [(&str, &str); 4] = [
    ("os", text("the distribution")),
    ("language", text("language packages")),
    ("classified", text("recognised programs")),
    ("nobody", text("nobody")),
];

/// What became of bytes that are never seen.
const FATES: [(&str, &str); 2] = [
    ("replaced", text("replaced by a later layer")),
    ("deleted", text("deleted by a later layer")),
];

/// A rectangle, in shares of the whole width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rectangle {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Keeps the largest tiles and joins the rest to one.
pub fn largest(mut tiles: Vec<Tile>, most: usize) -> Vec<Tile> {
    tiles.retain(|tile| tile.size > 0);
    tiles.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    if tiles.len() > most {
        let rest = tiles.split_off(most.saturating_sub(1));
        let largest = rest.first().cloned().unwrap_or_default();
        tiles.push(Tile {
            name: String::new(),
            size: rest
                .iter()
                .fold(0, |sum, tile| sum.saturating_add(tile.size)),
            is_directory: false,
            inner: Vec::new(),
            ..largest
        });
    }
    tiles
}

/// Lays out sizes, the largest first, in a rectangle of that shape (width by height): rows as square as
/// can be (Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000). The answer is in shares of 1.
pub fn squarify(sizes: &[u64], aspect: f64) -> Vec<Rectangle> {
    let total: f64 = sizes.iter().map(|size| *size as f64).sum();
    let is_sound = total > 0.0 && aspect.is_finite() && aspect > 0.0;
    if !is_sound {
        return vec![Rectangle::default(); sizes.len()];
    }
    // In units where the whole has the area 1 by `aspect`.
    let areas: Vec<f64> = sizes
        .iter()
        .map(|size| *size as f64 / total * aspect)
        .collect();
    let mut free = Rectangle {
        width: aspect,
        height: 1.0,
        ..Rectangle::default()
    };
    let mut out = Vec::with_capacity(sizes.len());
    let mut rest = areas.as_slice();
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let mut count = 1;
        while count < rest.len()
            && worst(rest.get(..count + 1), side) <= worst(rest.get(..count), side)
        {
            count += 1;
        }
        let (row, after) = rest.split_at(count);
        rest = after;
        let sum: f64 = row.iter().sum();
        let thickness = if side > 0.0 { sum / side } else { 0.0 };
        let is_column = free.width >= free.height;
        let mut along = 0.0;
        for area in row {
            let length = if thickness > 0.0 {
                area / thickness
            } else {
                0.0
            };
            out.push(match is_column {
                true => Rectangle {
                    x: free.x,
                    y: free.y + along,
                    width: thickness,
                    height: length,
                },
                false => Rectangle {
                    x: free.x + along,
                    y: free.y,
                    width: length,
                    height: thickness,
                },
            });
            along += length;
        }
        if is_column {
            free.x += thickness;
            free.width = (free.width - thickness).max(0.0);
        } else {
            free.y += thickness;
            free.height = (free.height - thickness).max(0.0);
        }
    }
    for rectangle in &mut out {
        rectangle.x /= aspect;
        rectangle.width /= aspect;
    }
    out
}

/// The worst ratio of sides in a row of these areas along a side.
fn worst(row: Option<&[f64]>, side: f64) -> f64 {
    let row = row.unwrap_or_default();
    let sum: f64 = row.iter().sum();
    let (least, most) = row.iter().fold((f64::MAX, 0.0_f64), |(least, most), area| {
        (least.min(*area), most.max(*area))
    });
    if sum <= 0.0 || least <= 0.0 || side <= 0.0 {
        return f64::MAX;
    }
    let square = side * side;
    (square * most / (sum * sum)).max(sum * sum / (square * least))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(name: &str, size: u64) -> Tile {
        Tile {
            name: name.to_owned(),
            size,
            ..Tile::default()
        }
    }

    #[test]
    fn areas_are_as_large_as_what_they_stand_for_and_do_not_overlap() {
        for aspect in [0.5, 1.0, 2.5] {
            let sizes = [600, 600, 400, 300, 200, 200, 100, 1];
            let total: u64 = sizes.iter().sum();
            let rectangles = squarify(&sizes, aspect);
            for (rectangle, size) in rectangles.iter().zip(sizes) {
                let area = rectangle.width * rectangle.height;
                let share = size as f64 / total as f64;
                assert!((area - share).abs() < 1e-9, "{area} {share}");
                let is_inside = rectangle.x >= -1e-9
                    && rectangle.y >= -1e-9
                    && rectangle.x + rectangle.width <= 1.0 + 1e-9
                    && rectangle.y + rectangle.height <= 1.0 + 1e-9;
                assert!(is_inside, "{rectangle:?}");
            }
            for (at, a) in rectangles.iter().enumerate() {
                for b in rectangles.iter().skip(at + 1) {
                    let across = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
                    let down = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
                    assert!(across < 1e-9 || down < 1e-9, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn the_paper_s_example_is_laid_out_as_there() {
        // Areas 6 6 4 3 2 2 1 in 6 by 4: the first column holds the two sixes.
        let rectangles = squarify(&[6, 6, 4, 3, 2, 2, 1], 1.5);
        assert!((rectangles[0].width - 0.5).abs() < 1e-9);
        assert!((rectangles[1].y - 0.5).abs() < 1e-9);
        assert!((rectangles[2].x - 0.5).abs() < 1e-9);
    }

    #[test]
    fn nothing_and_odd_shapes_give_no_numbers_that_are_none() {
        assert!(squarify(&[], 1.0).is_empty());
        for (sizes, aspect) in [
            (&[0, 0][..], 1.0),
            (&[1, 0][..], 1.0),
            (&[u64::MAX, u64::MAX, 1][..], 2.0),
            (&[1][..], 0.0),
            (&[1][..], f64::NAN),
        ] {
            for rectangle in squarify(sizes, aspect) {
                let sides = [rectangle.x, rectangle.y, rectangle.width, rectangle.height];
                assert!(sides.iter().all(|side| side.is_finite()), "{rectangle:?}");
            }
        }
    }

    #[test]
    fn totals_are_told_in_words() {
        let total = |bytes, classes, most| Total {
            bytes,
            classes,
            most,
        };
        let check = |by, total: &Total, expect: &str| assert_eq!(total.words(by), expect);
        check(
            By::Waste,
            &total(80_000_000, [4_000_000, 8_000_000, 0, 0], None),
            "12 MB of 80 MB are wasted: later layers replaced 4.0 MB and deleted 8.0 MB",
        );
        check(
            By::Waste,
            &total(80, [0, 8, 0, 0], None),
            "8 B of 80 B are wasted: later layers deleted them",
        );
        check(
            By::Waste,
            &total(80, [8, 0, 0, 0], None),
            "8 B of 80 B are wasted: later layers replaced them",
        );
        check(
            By::Waste,
            &total(80, [0; 4], None),
            "Nothing of 80 B is wasted: no layer replaces or deletes what one below it wrote",
        );
        check(
            By::Owner,
            &total(10, [1, 2, 3, 4], None),
            "Of 10 B, 1 B belong to the distribution, 2 B to language packages, 3 B to recognised programs, and 4 B to nobody",
        );
        check(
            By::Layer,
            &total(10, [0; 4], Some((3, 7))),
            "Of 10 B, layer 3 brought the most: 7 B",
        );
        assert_eq!(total(1, [u64::MAX, 1, 0, 0], None).wasted(), u64::MAX);
    }

    #[test]
    fn the_largest_copies_are_kept_of_however_many() {
        let copy = |size| WastedCopy {
            path: format!("srv/{size}"),
            size,
            layer: 0,
            by: 1,
            is_deleted: true,
        };
        let mut largest = LargestCopies::default();
        for size in 0..5_000 {
            largest.add(copy(size));
        }
        let (copies, more) = largest.finish();
        assert_eq!(copies.len(), MOST_WASTED);
        assert_eq!(more, 5_000 - MOST_WASTED);
        assert_eq!(copies.first().map(|copy| copy.size), Some(4_999));
        let mut largest = LargestCopies::default();
        largest.add(copy(1));
        assert_eq!(largest.finish(), (vec![copy(1)], 0));
    }

    #[test]
    fn what_is_too_small_is_one_tile() {
        let tiles = (1..=10).map(|size| tile(&size.to_string(), size)).collect();
        let kept = largest(tiles, 4);
        let told: Vec<_> = kept
            .iter()
            .map(|tile| (tile.name.as_str(), tile.size))
            .collect();
        assert_eq!(told, [("10", 10), ("9", 9), ("8", 8), ("", 28)]);
        assert!(largest(vec![tile("empty", 0)], 4).is_empty());
    }
}
