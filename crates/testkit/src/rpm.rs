//! Small rpm databases, built in memory.

/// One package, as a header states it. Empty texts are left out.
#[derive(Clone, Debug, Default)]
pub struct RpmPackage<'a> {
    /// `NAME`.
    pub name: &'a str,
    /// `EPOCH`.
    pub epoch: Option<u32>,
    /// `VERSION`.
    pub version: &'a str,
    /// `RELEASE`.
    pub release: &'a str,
    /// `ARCH`.
    pub architecture: &'a str,
    /// `LICENSE`.
    pub licence: &'a str,
    /// `VENDOR`.
    pub vendor: &'a str,
    /// `SOURCERPM`.
    pub source: &'a str,
    /// `MODULARITYLABEL`.
    pub modularity_label: &'a str,
    /// Whole paths.
    pub files: &'a [&'a str],
}

/// Builds a header out of tags.
#[derive(Clone, Debug, Default)]
pub struct RpmHeader {
    tags: u32,
    index: Vec<u8>,
    store: Vec<u8>,
}

impl RpmHeader {
    /// Adds a tag whose value is `bytes`.
    #[must_use]
    pub fn tag(mut self, tag: u32, kind: u32, count: usize, bytes: &[u8]) -> Self {
        let offset = number(self.store.len());
        for part in [tag, kind, offset, number(count)] {
            self.index.extend_from_slice(&part.to_be_bytes());
        }
        self.store.extend_from_slice(bytes);
        self.tags += 1;
        self
    }

    /// Adds a text, unless it is empty.
    #[must_use]
    pub fn text(self, tag: u32, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        self.tag(tag, 6, 1, format!("{text}\0").as_bytes())
    }

    /// Adds texts, unless there are none.
    #[must_use]
    pub fn texts(self, tag: u32, texts: &[&str]) -> Self {
        if texts.is_empty() {
            return self;
        }
        let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
        let bytes: Vec<u8> = bytes.collect();
        self.tag(tag, 8, texts.len(), &bytes)
    }

    /// Adds numbers, unless there are none.
    #[must_use]
    pub fn numbers(self, tag: u32, numbers: &[u32]) -> Self {
        if numbers.is_empty() {
            return self;
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.tag(tag, 4, numbers.len(), &bytes)
    }

    /// The header as a database holds it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.tags.to_be_bytes().to_vec();
        bytes.extend_from_slice(&number(self.store.len()).to_be_bytes());
        bytes.extend_from_slice(&self.index);
        bytes.extend_from_slice(&self.store);
        bytes
    }
}

impl RpmPackage<'_> {
    /// Its header.
    pub fn header(&self) -> RpmHeader {
        let mut directories: Vec<String> = Vec::new();
        let mut base_names = Vec::new();
        let mut directory_of = Vec::new();
        for file in self.files {
            let (directory, name) = file.rsplit_once('/').expect("whole paths");
            let directory = format!("{directory}/");
            let known = directories.iter().position(|known| *known == directory);
            directory_of.push(number(known.unwrap_or(directories.len())));
            if known.is_none() {
                directories.push(directory);
            }
            base_names.push(name);
        }
        let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
        RpmHeader::default()
            .text(1000, self.name)
            .text(1001, self.version)
            .text(1002, self.release)
            .numbers(1003, self.epoch.as_slice())
            .text(1011, self.vendor)
            .text(1014, self.licence)
            .text(1022, self.architecture)
            .text(1044, self.source)
            .numbers(1116, &directory_of)
            .texts(1117, &base_names)
            .texts(1118, &directories)
            .text(5096, self.modularity_label)
    }
}

/// `Packages.db` with these headers.
pub fn rpm_ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let pages = (2 + headers.len()).div_ceil(PAGE / 16);
    let (mut slots, mut blobs) = (Vec::new(), Vec::new());
    let words = |out: &mut Vec<u8>, magic: &[u8], words: &[u32]| {
        out.extend_from_slice(magic);
        out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    let next = number(headers.len() + 1);
    words(&mut slots, b"RpmP", &[0, 1, number(pages), next, 0, 0, 0]);
    for (header, package) in headers.iter().zip(1..) {
        let block = number((pages * PAGE + blobs.len()) / 16);
        let length = number(header.len());
        let blocks = (16 + header.len() + 12).div_ceil(16);
        words(&mut slots, b"Slot", &[package, block, number(blocks)]);
        let end = blobs.len() + blocks * 16;
        words(&mut blobs, b"BlbS", &[package, 1, length]);
        blobs.extend_from_slice(header);
        blobs.resize(end - 12, 0);
        words(&mut blobs, b"", &[0, length]);
        blobs.extend_from_slice(b"BlbE");
    }
    while slots.len() < pages * PAGE {
        words(&mut slots, b"Slot", &[0, 0, 0]);
    }
    slots.extend(blobs);
    slots
}

/// `Packages` of Berkeley DB with these headers, in pages of 512 bytes, as a machine of that byte order
/// writes it. What is longer than 100 bytes lies in overflow pages. The index of buckets is left out: it
/// is for readers that look at all pages.
pub fn rpm_bdb(headers: &[Vec<u8>], is_big_endian: bool) -> Vec<u8> {
    const PAGE: usize = 512;
    const HEAD: usize = 26;
    let word = |number: u32| match is_big_endian {
        true => number.to_be_bytes(),
        false => number.to_le_bytes(),
    };
    let half = |number: usize| {
        let bytes = word(self::number(number));
        if is_big_endian {
            [bytes[2], bytes[3]]
        } else {
            [bytes[0], bytes[1]]
        }
    };
    let page = |number: usize, next: usize, count: usize, offset: usize, kind: u8| {
        let mut page = vec![0; PAGE];
        page[8..12].copy_from_slice(&word(self::number(number)));
        page[16..20].copy_from_slice(&word(self::number(next)));
        page[20..22].copy_from_slice(&half(count));
        page[22..24].copy_from_slice(&half(offset));
        page[25] = kind;
        page
    };
    let mut pages = vec![page(0, 0, 0, 0, 8)];
    pages[0][12..16].copy_from_slice(&word(0x0006_1561));
    pages[0][16..20].copy_from_slice(&word(9));
    pages[0][20..24].copy_from_slice(&word(number(PAGE)));
    // The number of the last header is kept under 0; one bucket for each header.
    let last = word(number(headers.len()));
    let mut records = vec![(0, [&[1][..], &last].concat(), &[][..])];
    for (header, key) in headers.iter().zip(1..) {
        records.push(match header.len() {
            ..100 => (key, [&[1][..], header].concat(), &[][..]),
            _ => (key, vec![3, 0, 0, 0], header.as_slice()),
        });
    }
    for (key, mut value, overflow) in records {
        let number = pages.len();
        if !overflow.is_empty() {
            value.extend(word(self::number(number + 1)));
            value.extend(word(self::number(overflow.len())));
        }
        let key = [&[1][..], &word(key)].concat();
        let (key_at, value_at) = (PAGE - key.len(), PAGE - key.len() - value.len());
        let mut bucket = page(number, 0, 2, value_at, 13);
        bucket[HEAD..HEAD + 2].copy_from_slice(&half(key_at));
        bucket[HEAD + 2..HEAD + 4].copy_from_slice(&half(value_at));
        bucket[key_at..].copy_from_slice(&key);
        bucket[value_at..key_at].copy_from_slice(&value);
        pages.push(bucket);
        let chunks = overflow.chunks(PAGE - HEAD);
        let end = pages.len() + chunks.len();
        for chunk in chunks {
            let number = pages.len();
            let next = if number + 1 < end { number + 1 } else { 0 };
            let mut bytes = page(number, next, 1, chunk.len(), 7);
            bytes[HEAD..HEAD + chunk.len()].copy_from_slice(chunk);
            pages.push(bytes);
        }
    }
    pages.concat()
}

/// `rpmdb.sqlite` with these headers, in pages of 512 bytes, each in a leaf of its own. The second
/// page is the root of the table.
pub fn rpm_sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    const PAGE: usize = 512;
    let varint = |number: usize| {
        let mut bytes = vec![u8::try_from(number & 0x7f).expect("seven bits")];
        let mut rest = number >> 7;
        while rest > 0 {
            bytes.insert(0, u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
            rest >>= 7;
        }
        bytes
    };
    let half = |number: usize| u16::try_from(number).expect("within a page").to_be_bytes();
    // A page with one cell at its end.
    let leaf = |start: usize, cell: &[u8]| {
        let mut page = vec![0; PAGE];
        let at = PAGE - cell.len();
        page[start] = 13;
        page[start + 3..start + 5].copy_from_slice(&half(1));
        page[start + 5..start + 7].copy_from_slice(&half(at));
        page[start + 8..start + 10].copy_from_slice(&half(at));
        page[at..].copy_from_slice(cell);
        page
    };
    let texts = ["table", "Packages", "Packages"].map(str::as_bytes);
    let sql =
        b"CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";
    let mut record = vec![0];
    for text in texts {
        record.extend(varint(13 + 2 * text.len()));
    }
    record.push(1);
    record.extend(varint(13 + 2 * sql.len()));
    record[0] = u8::try_from(record.len()).expect("short");
    record.extend(texts.concat());
    record.push(2);
    record.extend_from_slice(sql);
    let mut pages = vec![leaf(
        100,
        &[varint(record.len()), varint(1), record].concat(),
    )];
    let header = &mut pages[0];
    header[..16].copy_from_slice(b"SQLite format 3\0");
    header[16..18].copy_from_slice(&half(PAGE));
    header[18..24].copy_from_slice(&[2, 2, 0, 64, 32, 32]);
    header[59] = 1;
    let mut root = vec![0; PAGE];
    root[0] = 5;
    root[3..5].copy_from_slice(&half(headers.len().saturating_sub(1)));
    root[5..7].copy_from_slice(&half(PAGE - 5 * headers.len().saturating_sub(1)));
    pages.push(root);
    for (header, rowid) in headers.iter().zip(1_usize..) {
        let number = pages.len() + 1;
        let mut record = vec![0, 0];
        record.extend(varint(12 + 2 * header.len()));
        record[0] = u8::try_from(record.len()).expect("short");
        record.extend_from_slice(header);
        // How much lies in the cell is a rule of the format.
        let least = (PAGE - 12) * 32 / 255 - 23;
        let wanted = least + record.len().saturating_sub(least) % (PAGE - 4);
        let local = match record.len() {
            length if length <= PAGE - 35 => length,
            _ if wanted <= PAGE - 35 => wanted,
            _ => least,
        };
        let (local, overflow) = record.split_at(local);
        let mut cell = [varint(record.len()), varint(rowid), local.to_vec()].concat();
        if !overflow.is_empty() {
            cell.extend_from_slice(&self::number(number + 1).to_be_bytes());
        }
        pages.push(leaf(0, &cell));
        let chunks = overflow.chunks(PAGE - 4);
        let end = pages.len() + chunks.len();
        for chunk in chunks {
            let next = if pages.len() + 1 < end {
                pages.len() + 2
            } else {
                0
            };
            let mut page = self::number(next).to_be_bytes().to_vec();
            page.extend_from_slice(chunk);
            page.resize(PAGE, 0);
            pages.push(page);
        }
        let child = self::number(number).to_be_bytes();
        let root = &mut pages[1];
        if rowid == headers.len() {
            root[8..12].copy_from_slice(&child);
        } else {
            let at = PAGE - 5 * rowid;
            let pointer = 12 + 2 * (rowid - 1);
            root[pointer..pointer + 2].copy_from_slice(&half(at));
            root[at..at + 4].copy_from_slice(&child);
            root[at + 4] = u8::try_from(rowid).expect("few headers");
        }
    }
    let count = self::number(pages.len()).to_be_bytes();
    pages[0][28..32].copy_from_slice(&count);
    pages.concat()
}

fn number(number: usize) -> u32 {
    u32::try_from(number).expect("a small number")
}
