//! Reads the tables of an SQLite database that somebody else wrote.
//!
//! Format: <https://www.sqlite.org/fileformat2.html>. Read are rowid tables (b-trees of table pages,
//! with their overflow pages) and the schema that names them. Left out: indices and `WITHOUT ROWID`
//! tables, texts in UTF-16, and the write-ahead log, which is a file of its own: what a program wrote
//! there and never carried over is not in the database's file.
//!
//! The file is hostile. Every page is visited at most once in a walk, the cells of a page are together
//! no longer than the page, and a row is at most [`MAX_SQLITE_ROW_BYTES`] long: no walk takes more
//! than a few looks at each byte. What cannot be followed is a [`Problem`]; the walk goes on behind it.

use std::borrow::Cow;

use crate::limits::MAX_SQLITE_ROW_BYTES;

/// The first bytes of every database.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Bytes of the file's header, which precedes the b-tree of page 1 on that page.
const FILE_HEADER_BYTES: usize = 100;

/// A database, held whole.
#[derive(Clone, Copy, Debug)]
pub struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// Bytes of a page without the reserved ones at its end.
    usable: usize,
}

/// Why there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqliteError {
    /// It is something else, or breaks off within its header.
    #[error("it is not an SQLite database")]
    NotSqlite,
    /// No database has such pages.
    #[error("its pages are said to be {page_size} bytes, {reserved} of them reserved")]
    PageSize {
        /// Bytes of a page.
        page_size: usize,
        /// Bytes at its end that SQLite leaves alone.
        reserved: u8,
    },
    /// Texts are in UTF-16, names of tables too.
    #[error("its text is not UTF-8")]
    Encoding,
}

/// What could not be read of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A pointer leads out of the file.
    #[error("page {0} is not there")]
    NoPage(u32),
    /// A pointer leads to a page that the table has already.
    #[error("page {0} is used twice")]
    Twice(u32),
    /// It is not a page of a table.
    #[error("page {0} is not a page of a table")]
    NotTable(u32),
    /// A cell reaches beyond its page, or cells lie over each other.
    #[error("the cells of page {0} are damaged")]
    Cells(u32),
    /// A row is longer than any may be.
    #[error(
        "a row of page {page} has {bytes} bytes, more than the {MAX_SQLITE_ROW_BYTES} that are read"
    )]
    TooLong {
        /// The page of its cell.
        page: u32,
        /// Its length.
        bytes: u64,
    },
    /// The overflow pages of a row end before the row does.
    #[error("row {rowid} of page {page} breaks off")]
    BreaksOff {
        /// The page of its cell.
        page: u32,
        /// The row.
        rowid: i64,
    },
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'r> {
    /// `NULL`; also what stands for the column that is the rowid.
    Null,
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text; UTF-8, if the writer kept to it.
    Text(&'r [u8]),
    /// Bytes.
    Blob(&'r [u8]),
}

/// One row of a table.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its key.
    pub rowid: i64,
    /// The page where its cell lies, counted from 1.
    pub page: u32,
    /// The byte of the file where its cell lies.
    pub offset: usize,
    /// The record: lengths and kinds of the values, then the values.
    record: Cow<'a, [u8]>,
}

impl<'a> Database<'a> {
    /// Reads the header.
    pub fn open(bytes: &'a [u8]) -> Result<Self, SqliteError> {
        let header = bytes.get(..FILE_HEADER_BYTES);
        let header = header.filter(|header| header.starts_with(MAGIC));
        let header = header.ok_or(SqliteError::NotSqlite)?;
        let size = array(header, 16).map(u16::from_be_bytes);
        // 65536 does not fit.
        let page_size = match size.unwrap_or_default() {
            1 => 1 << 16,
            size => usize::from(size),
        };
        let reserved = header.get(20).copied().unwrap_or_default();
        let usable = page_size.saturating_sub(usize::from(reserved));
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
            return Err(SqliteError::PageSize {
                page_size,
                reserved,
            });
        }
        // 0 is a database that never had a table.
        match array(header, 56).map(u32::from_be_bytes) {
            Some(0 | 1) => Ok(Self {
                bytes,
                page_size,
                usable,
            }),
            _ => Err(SqliteError::Encoding),
        }
    }

    /// The page where the tree of a table begins. Names are the same whatever the case of ASCII
    /// letters.
    pub fn table(&self, name: &str) -> Option<u32> {
        self.rows(1).filter_map(Result::ok).find_map(|row| {
            // What it is, its name, the table it is of, its root.
            let [kind, found, _, root] = row.first_values();
            let (Value::Text(b"table"), Value::Text(found), Value::Integer(root)) =
                (kind?, found?, root?)
            else {
                return None;
            };
            let is_it = found.eq_ignore_ascii_case(name.as_bytes());
            u32::try_from(root).ok().filter(|_| is_it)
        })
    }

    /// The names of a table's columns, in the order of a row's values, as the statement that made the
    /// table has them (`ALTER TABLE` keeps it up to date).
    pub fn columns(&self, name: &str) -> Option<Vec<String>> {
        self.rows(1).filter_map(Result::ok).find_map(|row| {
            let [kind, found, _, _, statement] = row.first_values();
            let (Value::Text(b"table"), Value::Text(found), Value::Text(statement)) =
                (kind?, found?, statement?)
            else {
                return None;
            };
            let is_it = found.eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| column_names(&String::from_utf8_lossy(statement)))
        })
    }

    /// The rows of the table whose tree begins at page `root`, by rowid.
    pub fn rows(&self, root: u32) -> Rows<'a> {
        let pages = self.bytes.len().div_ceil(self.page_size);
        let mut rows = Rows {
            database: *self,
            seen: vec![false; pages],
            pages: Vec::new(),
            problems: Vec::new(),
            leaf: None,
        };
        rows.visit(root);
        rows
    }

    /// A page, counted from 1. The last one may be cut short.
    fn page(&self, number: u32) -> Option<(usize, &'a [u8])> {
        let start = usize::try_from(number.checked_sub(1)?).ok()?;
        let start = start.checked_mul(self.page_size)?;
        let end = start.checked_add(self.usable)?.min(self.bytes.len());
        let page = self.bytes.get(start..end)?;
        (!page.is_empty()).then_some((start, page))
    }
}

/// Goes through a table.
#[derive(Debug)]
pub struct Rows<'a> {
    database: Database<'a>,
    /// By page: whether the walk has come to it.
    seen: Vec<bool>,
    /// Pages still to be read, the next one last.
    pages: Vec<u32>,
    problems: Vec<Problem>,
    leaf: Option<Leaf<'a>>,
}

/// A page of rows that is being read.
#[derive(Debug)]
struct Leaf<'a> {
    number: u32,
    start: usize,
    page: &'a [u8],
    /// The pointers to the cells that are still to be read.
    pointers: &'a [u8],
    /// Bytes that the cells to come may have together.
    left: usize,
}

impl<'a> Rows<'a> {
    /// Notes that a page is to be read, unless it is a second time.
    fn visit(&mut self, number: u32) {
        match self.see(number) {
            Ok(()) => self.pages.push(number),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn see(&mut self, number: u32) -> Result<(), Problem> {
        let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        let seen = index.and_then(|index| self.seen.get_mut(index));
        match seen {
            None => Err(Problem::NoPage(number)),
            Some(true) => Err(Problem::Twice(number)),
            Some(seen) => {
                *seen = true;
                Ok(())
            }
        }
    }

    /// Opens a page: of an inner one the children are to be read next.
    fn open(&mut self, number: u32) -> Result<(), Problem> {
        let found = self.database.page(number);
        let (start, page) = found.ok_or(Problem::NoPage(number))?;
        let header_at = if number == 1 { FILE_HEADER_BYTES } else { 0 };
        let header = page.get(header_at..).unwrap_or_default();
        let kind = header.first().copied();
        let pointers_at = match kind {
            Some(LEAF) => 8,
            Some(INNER) => 12,
            _ => return Err(Problem::NotTable(number)),
        };
        let count = array(header, 3).map(u16::from_be_bytes);
        let bytes = usize::from(count.unwrap_or_default()) * 2;
        // What a page that is cut short has of them.
        let there = header.get(pointers_at..).unwrap_or_default();
        let pointers = there.get(..bytes).unwrap_or(there);
        if there.len() < bytes {
            self.problems.push(Problem::Cells(number));
        }
        if kind == Some(LEAF) {
            self.leaf = Some(Leaf {
                number,
                start,
                page,
                pointers,
                left: self.database.page_size,
            });
            return Ok(());
        }
        let first = self.pages.len();
        for pointer in pointers.chunks_exact(2) {
            let at = array(pointer, 0).map(u16::from_be_bytes);
            let child = at.and_then(|at| array(page, usize::from(at)));
            match child.map(u32::from_be_bytes) {
                Some(child) => self.visit(child),
                None => self.problems.push(Problem::Cells(number)),
            }
        }
        if let Some(last) = array(header, 8).map(u32::from_be_bytes) {
            self.visit(last);
        }
        if let Some(children) = self.pages.get_mut(first..) {
            children.reverse();
        }
        Ok(())
    }

    /// The row whose cell begins at `at`.
    fn row(&mut self, leaf: &mut Leaf<'a>, at: usize) -> Result<Row<'a>, Problem> {
        let page = leaf.number;
        let cell = leaf.page.get(at..).unwrap_or_default();
        let damaged = Problem::Cells(page);
        let (bytes, rest) = varint(cell).ok_or(damaged)?;
        let (rowid, rest) = varint(rest).ok_or(damaged)?;
        if bytes > MAX_SQLITE_ROW_BYTES {
            return Err(Problem::TooLong { page, bytes });
        }
        let length = usize::try_from(bytes).map_err(|_| damaged)?;
        let local_length = local_length(length, self.database.usable);
        let (local, rest) = rest.split_at_checked(local_length).ok_or(damaged)?;
        // Where cells lie over each other, a page could hold more rows than bytes.
        let cell_bytes = cell.len() - rest.len() + 2;
        leaf.left = leaf.left.checked_sub(cell_bytes).ok_or(damaged)?;
        let rowid = i64::from_ne_bytes(rowid.to_ne_bytes());
        let record = if local_length == length {
            Cow::Borrowed(local)
        } else {
            let next = array(rest, 0).map(u32::from_be_bytes).ok_or(damaged)?;
            Cow::Owned(self.overflow(local, length, next, (page, rowid))?)
        };
        Ok(Row {
            rowid,
            page,
            offset: leaf.start + at,
            record,
        })
    }

    /// Joins a row that is too long for its page.
    fn overflow(
        &mut self,
        local: &[u8],
        length: usize,
        mut next: u32,
        (page, rowid): (u32, i64),
    ) -> Result<Vec<u8>, Problem> {
        let breaks_off = Problem::BreaksOff { page, rowid };
        let mut record = local.to_vec();
        while record.len() < length {
            if next == 0 {
                return Err(breaks_off);
            }
            self.see(next)?;
            let (_, bytes) = self.database.page(next).ok_or(breaks_off)?;
            next = array(bytes, 0).map(u32::from_be_bytes).ok_or(breaks_off)?;
            let more = bytes.get(4..).unwrap_or_default();
            let wanted = (length - record.len()).min(self.database.usable - 4);
            record.extend_from_slice(more.get(..wanted).ok_or(breaks_off)?);
        }
        Ok(record)
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(problem) = self.problems.pop() {
                return Some(Err(problem));
            }
            if let Some(mut leaf) = self.leaf.take() {
                let Some((pointer, rest)) = leaf.pointers.split_first_chunk() else {
                    continue;
                };
                leaf.pointers = rest;
                let at = usize::from(u16::from_be_bytes(*pointer));
                let row = self.row(&mut leaf, at);
                self.leaf = Some(leaf);
                return Some(row);
            }
            let number = self.pages.pop()?;
            if let Err(problem) = self.open(number) {
                return Some(Err(problem));
            }
        }
    }
}

impl Row<'_> {
    /// The value of a column, counted from 0; `None` if the record has no such column. (Columns added
    /// by `ALTER TABLE` are not in older rows.)
    pub fn value(&self, column: usize) -> Option<Value<'_>> {
        self.values().nth(column)
    }

    fn first_values<const N: usize>(&self) -> [Option<Value<'_>>; N] {
        let mut values = self.values();
        std::array::from_fn(|_| values.next())
    }

    /// The values, as far as they are there.
    fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let record = &*self.record;
        let header = varint(record).and_then(|(length, kinds)| {
            let length = usize::try_from(length).ok()?;
            let (header, values) = record.split_at_checked(length)?;
            Some((
                kinds.get(..header.len().checked_sub(record.len() - kinds.len())?)?,
                values,
            ))
        });
        let (mut kinds, mut values) = header.unwrap_or_default();
        std::iter::from_fn(move || {
            let (kind, rest) = varint(kinds)?;
            kinds = rest;
            let (value, rest) = value(kind, values)?;
            values = rest;
            Some(value)
        })
    }
}

/// The names of the columns in `CREATE TABLE name (…)`.
fn column_names(statement: &str) -> Vec<String> {
    const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    let inside = statement.split_once('(').map_or("", |(_, inside)| inside);
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut quote = None;
    let is_end = |c: char| {
        // Commas and parentheses within quotes and within inner parentheses are not the list's.
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '(' => depth += 1,
                ')' if depth == 0 => return true,
                ')' => depth -= 1,
                ',' => return depth == 0,
                _ => {}
            },
        }
        false
    };
    for column in inside.split(is_end) {
        let column = column.trim_start();
        let name = match column.chars().next() {
            Some(quote @ ('"' | '`')) => column.split(quote).nth(1),
            Some('[') => column.get(1..).and_then(|rest| rest.split(']').next()),
            _ => column.split(|c: char| c.is_whitespace()).next(),
        };
        let name = name.unwrap_or_default();
        let is_constraint = CONSTRAINTS
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word));
        if !name.is_empty() && !is_constraint {
            names.push(name.to_ascii_lowercase());
        }
    }
    names
}

/// The b-tree pages of tables.
const LEAF: u8 = 13;
const INNER: u8 = 5;

/// Bytes of a row that lie in its cell; the rest is in overflow pages ("B-tree Cell Format").
fn local_length(length: usize, usable: usize) -> usize {
    let most = usable - 35;
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let wanted = least + (length - least) % (usable - 4);
    if wanted <= most { wanted } else { least }
}

/// A value by its serial type, and what comes after it.
fn value(kind: u64, bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let length = match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => (kind - 12) / 2,
    };
    let (own, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    let value = match kind {
        0 => Value::Null,
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        7 => Value::Real(array(own, 0).map(f64::from_be_bytes)?),
        1..=6 => Value::Integer(integer(own)),
        _ if kind.is_multiple_of(2) => Value::Blob(own),
        _ => Value::Text(own),
    };
    Some((value, rest))
}

/// A big-endian integer of up to eight bytes, in two's complement.
fn integer(bytes: &[u8]) -> i64 {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if is_negative { -1 } else { 0 };
    let shifted = |number: i64, byte: &u8| (number << 8) | i64::from(*byte);
    bytes.iter().fold(start, shifted)
}

/// A number of one to nine bytes: seven bits of each but the ninth, which gives eight.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        if index == 8 {
            number = (number << 8) | u64::from(*byte);
            return Some((number, bytes.get(9..)?));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index + 1..)?));
        }
    }
    None
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_named_as_the_table_was_made() {
        let check = |statement: &str, expect: &[&str]| {
            assert_eq!(super::column_names(statement), expect, "{statement}");
        };
        check("CREATE TABLE t (a text, b)", &["a", "b"]);
        check(
            "CREATE TABLE `t` (`id` integer PRIMARY KEY AUTOINCREMENT,`a b` text DEFAULT 'x,)', \"C\" numeric(10,2), [d] int, PRIMARY KEY (`id`,`a b`), CONSTRAINT `fk` FOREIGN KEY (x) REFERENCES y(z))",
            &["id", "a b", "c", "d"],
        );
        check("CREATE TABLE t", &[]);
        check("", &[]);
    }

    use super::*;

    #[test]
    fn varints_have_up_to_nine_bytes() {
        let check = |bytes: &[u8], expect: Option<(u64, usize)>| {
            let found = varint(bytes).map(|(number, rest)| (number, rest.len()));
            assert_eq!(found, expect, "{bytes:?}");
        };
        check(&[], None);
        check(&[0x80], None);
        check(&[0x7f, 1], Some((127, 1)));
        check(&[0x81, 0x00], Some((128, 0)));
        check(&[0xff; 8], None);
        check(&[0xff; 10], Some((u64::MAX, 1)));
    }

    #[test]
    fn values_are_read_by_their_serial_types() {
        let check = |kind: u64, bytes: &[u8], expect: Option<Value<'_>>| {
            let found = value(kind, bytes).map(|(value, _)| value);
            assert_eq!(found, expect, "{kind} {bytes:?}");
        };
        check(0, &[], Some(Value::Null));
        check(1, &[0xff], Some(Value::Integer(-1)));
        check(2, &[0x01, 0x00], Some(Value::Integer(256)));
        check(3, &[0x80, 0, 0], Some(Value::Integer(-(1 << 23))));
        check(5, &[0, 0, 0, 0, 1, 2], Some(Value::Integer(258)));
        check(
            6,
            &[0x7f, 255, 255, 255, 255, 255, 255, 255],
            Some(Value::Integer(i64::MAX)),
        );
        check(
            6,
            &[0x80, 0, 0, 0, 0, 0, 0, 0],
            Some(Value::Integer(i64::MIN)),
        );
        check(7, &1.5_f64.to_be_bytes(), Some(Value::Real(1.5)));
        check(8, &[], Some(Value::Integer(0)));
        check(9, &[], Some(Value::Integer(1)));
        check(10, &[0], None);
        check(12, &[], Some(Value::Blob(b"")));
        check(17, b"abc", Some(Value::Text(b"ab")));
        check(17, b"a", None);
        check(u64::MAX, b"a", None);
    }

    /// A database of one table, whose root is page 2.
    fn database(pages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = lamina_testkit::rpm_sqlite(&[])[..512].to_vec();
        for page in pages {
            let start = bytes.len();
            bytes.extend_from_slice(page);
            bytes.resize(start + 512, 0);
        }
        bytes
    }

    fn walk(pages: &[Vec<u8>]) -> (Vec<i64>, Vec<Problem>) {
        let bytes = database(pages);
        let database = Database::open(&bytes).unwrap();
        let root = database.table("packages").unwrap();
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        for row in database.rows(root) {
            match row {
                Ok(row) => rows.push(row.rowid),
                Err(problem) => problems.push(problem),
            }
        }
        (rows, problems)
    }

    fn small(number: usize) -> u8 {
        u8::try_from(number).unwrap()
    }

    /// An inner page without cells, or with cells that lead to `children`.
    fn inner(children: &[u8], last: u8) -> Vec<u8> {
        let mut page = vec![5, 0, 0, 0, small(children.len()), 0, 0, 0, 0, 0, 0, last];
        let cells = 12 + 2 * children.len();
        for index in 0..children.len() {
            page.extend([0, small(cells + 5 * index)]);
        }
        for (index, child) in children.iter().enumerate() {
            page.extend([0, 0, 0, *child, small(index)]);
        }
        page
    }

    /// A page of rows, each `bytes` long by its own word.
    fn leaf(rows: &[(u8, u8)]) -> Vec<u8> {
        let mut page = vec![13, 0, 0, 0, small(rows.len()), 0, 0, 0];
        let cells = 8 + 2 * rows.len();
        for index in 0..rows.len() {
            page.extend([0, small(cells + 4 * index)]);
        }
        for (rowid, bytes) in rows {
            page.extend([*bytes, *rowid, 2, 0]);
        }
        page
    }

    #[test]
    fn rows_come_in_order_through_all_depths() {
        let pages = [
            inner(&[3, 4], 6),
            leaf(&[(1, 2), (2, 2)]),
            inner(&[], 5),
            leaf(&[(3, 2)]),
            leaf(&[(4, 2), (5, 2)]),
        ];
        assert_eq!(walk(&pages), (vec![1, 2, 3, 4, 5], vec![]));
    }

    #[test]
    fn no_walk_goes_in_circles() {
        let (rows, problems) = walk(&[inner(&[3, 2, 1], 3), leaf(&[(1, 2)])]);
        assert_eq!(rows, [1, 1], "the schema is no part of it, but a table");
        assert_eq!(problems, [Problem::Twice(3), Problem::Twice(2)]);
    }

    #[test]
    fn bad_pointers_and_pages_are_problems() {
        let (rows, problems) = walk(&[inner(&[9, 0, 4], 3), leaf(&[(1, 2)])]);
        assert_eq!(rows, [1]);
        assert_eq!(
            problems,
            [Problem::NoPage(4), Problem::NoPage(0), Problem::NoPage(9)]
        );
        let (rows, problems) = walk(&[inner(&[3], 4), vec![2; 512], leaf(&[(1, 2)])]);
        assert_eq!((rows, problems), (vec![1], vec![Problem::NotTable(3)]));
    }

    #[test]
    fn cells_that_lie_over_each_other_are_few() {
        let mut page = leaf(&[(1, 200)]);
        page[4] = 200;
        for pointer in page[8..].chunks_mut(2) {
            pointer.copy_from_slice(&[0, 10]);
        }
        page.resize(512, 0);
        for (at, byte) in page.iter_mut().enumerate().take(408).skip(10) {
            *byte = if at % 2 == 0 { 0 } else { 210 };
        }
        let (rows, problems) = walk(&[page]);
        assert!(rows.len() < 512, "{rows:?}");
        assert!(problems.contains(&Problem::Cells(2)), "{problems:?}");
    }

    #[test]
    fn rows_that_break_off_are_problems() {
        // 600 bytes, and the next page is none.
        let mut page = vec![13, 0, 0, 0, 1, 0, 0, 0, 0, 10, 0x84, 0x58, 7];
        page.resize(512, 0);
        let problem = Problem::BreaksOff { page: 2, rowid: 7 };
        assert_eq!(walk(std::slice::from_ref(&page)), (vec![], vec![problem]));
        // The next page is the own one.
        let local = local_length(600, 512);
        page[13 + local + 3] = 2;
        assert_eq!(walk(&[page]), (vec![], vec![Problem::Twice(2)]));
        // Longer than any row.
        let page = vec![
            13, 0, 0, 0, 1, 0, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xff, 0x7f, 1,
        ];
        let (rows, problems) = walk(&[page]);
        assert_eq!(rows, [] as [i64; 0]);
        assert!(
            matches!(problems[..], [Problem::TooLong { page: 2, .. }]),
            "{problems:?}"
        );
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        let bytes = database(&[]);
        let check = |at: usize, byte: u8, expect: Option<SqliteError>| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            assert_eq!(Database::open(&bytes).err(), expect);
        };
        check(0, b'S', None);
        check(0, b's', Some(SqliteError::NotSqlite));
        check(
            16,
            1,
            Some(SqliteError::PageSize {
                page_size: 256,
                reserved: 0,
            }),
        );
        check(
            20,
            100,
            Some(SqliteError::PageSize {
                page_size: 512,
                reserved: 100,
            }),
        );
        check(59, 3, Some(SqliteError::Encoding));
        assert_eq!(
            Database::open(&bytes[..99]).err(),
            Some(SqliteError::NotSqlite)
        );
    }
}
