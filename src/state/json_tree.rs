//! A JSON document as a tree whose parts are drawn when they are opened.
//!
//! The document is kept as its text; a node is a place in it, so that members stay in their order, twice
//! the same name is shown twice, and numbers are as they are written. A hostile document nests to any
//! depth: what lies deeper than [`MAX_DEPTH`] is one value, shown as text.

use std::ops::Range;

/// Containers within one another that the tree shows; what lies deeper is shown as text.
pub const MAX_DEPTH: usize = 64;

/// Values of the tree: some tens of megabytes of memory at most.
pub const MAX_NODES: usize = 300_000;

/// Children of one value that are drawn at once.
pub const DRAWN_CHILDREN: usize = 100;

/// Containers that "open all" opens.
pub const OPENED_AT_ONCE: usize = 300;

/// Characters of one value that are drawn.
const SHOWN_CHARACTERS: usize = 2_000;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// A container that lies too deep to be looked into.
    Deep,
}

impl Kind {
    /// The word for attributes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Word => "word",
            Self::Deep => "deep",
        }
    }
}

/// A value's place in the tree.
pub type Id = u32;

#[derive(Clone, Debug, PartialEq)]
struct Node {
    kind: Kind,
    name: Range<u32>,
    value: Range<u32>,
    children: u32,
    first_child: Id,
    next: Id,
}

const NONE: Id = Id::MAX;

/// The tree.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonTree {
    text: String,
    nodes: Vec<Node>,
    /// Whether a container was too deep to be looked into.
    pub is_deep: bool,
    /// Whether there were more values than [`MAX_NODES`].
    pub is_cut: bool,
}

impl JsonTree {
    /// Reads a document; `None` if it is no JSON, or a single value.
    pub fn parse(text: String) -> Option<Self> {
        // Of what follows nothing is checked any more. It does not recurse.
        serde_json::from_str::<serde::de::IgnoredAny>(&text).ok()?;
        u32::try_from(text.len()).ok()?;
        let mut tree = Self {
            text,
            nodes: Vec::new(),
            is_deep: false,
            is_cut: false,
        };
        tree.read();
        let root = tree.nodes.first()?;
        matches!(root.kind, Kind::Object | Kind::Array).then_some(tree)
    }

    /// The outermost value.
    pub fn root(&self) -> Id {
        0
    }

    /// What a value is.
    pub fn kind(&self, id: Id) -> Kind {
        self.node(id).map_or(Kind::Word, |node| node.kind)
    }

    /// The name of a member as it is written, with its quotes; nothing for an array's element.
    pub fn name(&self, id: Id) -> &str {
        self.node(id)
            .and_then(|node| self.slice(&node.name))
            .unwrap_or_default()
    }

    /// A value as it is written, as far as it is drawn, and whether that is all of it.
    pub fn value(&self, id: Id) -> (&str, bool) {
        let whole = self
            .node(id)
            .and_then(|node| self.slice(&node.value))
            .unwrap_or_default();
        match whole.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => (whole.get(..end).unwrap_or_default(), false),
            None => (whole, true),
        }
    }

    /// How many members or elements a container has.
    pub fn len(&self, id: Id) -> usize {
        self.node(id).map_or(0, |node| node.children as usize)
    }

    /// Whether it has none.
    pub fn is_empty(&self, id: Id) -> bool {
        self.len(id) == 0
    }

    /// The members or elements of a container, in their order.
    pub fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        let mut next = self.node(id).map_or(NONE, |node| node.first_child);
        std::iter::from_fn(move || {
            let id = next;
            next = self.node(id)?.next;
            Some(id)
        })
    }

    /// The containers to open so that as much as can be drawn at once is in sight, the outer first.
    pub fn outermost(&self) -> Vec<Id> {
        let mut open = vec![self.root()];
        let mut at = 0;
        while let Some(id) = open.get(at).copied() {
            at += 1;
            for child in self.children(id).take(DRAWN_CHILDREN) {
                if open.len() >= OPENED_AT_ONCE {
                    return open;
                }
                let is_container = matches!(self.kind(child), Kind::Object | Kind::Array);
                if is_container && !self.is_empty(child) {
                    open.push(child);
                }
            }
        }
        open
    }

    fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn slice(&self, range: &Range<u32>) -> Option<&str> {
        self.text.get(range.start as usize..range.end as usize)
    }

    /// Reads the text, which is known to be JSON, in one pass without recursion.
    fn read(&mut self) {
        let text = std::mem::take(&mut self.text);
        let bytes = text.as_bytes();
        let mut open: Vec<(Id, Id)> = Vec::new();
        let mut name = 0..0;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let start = at;
            match byte {
                b'"' => {
                    at = end_of_string(bytes, at);
                    let is_name = self.is_object(&open)
                        && name.is_empty()
                        && next_of(bytes, at).is_some_and(|at| bytes.get(at) == Some(&b':'));
                    if is_name {
                        name = range(start, at);
                    } else {
                        self.add(&mut open, Kind::String, &mut name, range(start, at));
                    }
                    continue;
                }
                b'{' | b'[' if open.len() >= MAX_DEPTH => {
                    at = end_of_container(bytes, at);
                    self.is_deep = true;
                    self.add(&mut open, Kind::Deep, &mut name, range(start, at));
                    continue;
                }
                b'{' | b'[' => {
                    let kind = if *byte == b'{' {
                        Kind::Object
                    } else {
                        Kind::Array
                    };
                    let id = self.add(&mut open, kind, &mut name, range(start, start));
                    open.push((id, NONE));
                }
                b'}' | b']' => {
                    if let Some((id, _)) = open.pop()
                        && let Some(node) = self.nodes.get_mut(id as usize)
                    {
                        node.value.end = range(start, start + 1).end;
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
                _ => {
                    let is_end = |byte: &u8| {
                        matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
                    };
                    let rest = bytes.get(at..).unwrap_or_default();
                    at += rest.iter().position(is_end).unwrap_or(rest.len()).max(1);
                    let kind = match byte {
                        b'-' | b'0'..=b'9' => Kind::Number,
                        _ => Kind::Word,
                    };
                    self.add(&mut open, kind, &mut name, range(start, at));
                    continue;
                }
            }
            if self.nodes.len() >= MAX_NODES {
                self.is_cut = true;
                break;
            }
            at += 1;
        }
        self.text = text;
    }

    fn is_object(&self, open: &[(Id, Id)]) -> bool {
        open.last()
            .and_then(|(id, _)| self.node(*id))
            .is_some_and(|node| node.kind == Kind::Object)
    }

    /// Adds a value below the innermost open container, after its last child.
    fn add(
        &mut self,
        open: &mut [(Id, Id)],
        kind: Kind,
        name: &mut Range<u32>,
        value: Range<u32>,
    ) -> Id {
        let id = Id::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node {
            kind,
            name: std::mem::replace(name, 0..0),
            value,
            children: 0,
            first_child: NONE,
            next: NONE,
        });
        if let Some((parent, last)) = open.last_mut() {
            if let Some(before) = self.nodes.get_mut(*last as usize) {
                before.next = id;
            }
            if let Some(parent) = self.nodes.get_mut(*parent as usize) {
                parent.children += 1;
                if *last == NONE {
                    parent.first_child = id;
                }
            }
            *last = id;
        }
        id
    }
}

fn range(start: usize, end: usize) -> Range<u32> {
    let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
    place(start)..place(end)
}

/// The end of the string that begins at its first quote.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

/// The end of the container that begins here.
fn end_of_container(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The place of what follows white space.
fn next_of(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(at + skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tree: &JsonTree, id: Id) -> String {
        let name = tree.name(id);
        let colon = if name.is_empty() { "" } else { ":" };
        let inner: Vec<String> = tree.children(id).map(|child| told(tree, child)).collect();
        match tree.kind(id) {
            Kind::Object => format!("{name}{colon}{{{}}}", inner.join(" ")),
            Kind::Array => format!("{name}{colon}[{}]", inner.join(" ")),
            _ => format!("{name}{colon}{}", tree.value(id).0),
        }
    }

    #[test]
    fn members_keep_order_names_and_numbers() {
        let check = |text: &str, expect: &str| {
            let tree = JsonTree::parse(text.to_owned()).unwrap();
            assert_eq!(told(&tree, tree.root()), expect);
        };
        check(
            r#"{"b": 2.50, "a": [1, {}, []], "b": null}"#,
            r#"{"b":2.50 "a":[1 {} []] "b":null}"#,
        );
        check(
            r#" [ "a:{", "q\"}" , -1e5, true ] "#,
            r#"["a:{" "q\"}" -1e5 true]"#,
        );
        check(r#"{"a" : {"" : "x"}}"#, r#"{"a":{"":"x"}}"#);
        check("[]", "[]");
        check("{\"a\":\"\u{fc}\\u00e4\"}", "{\"a\":\"\u{fc}\\u00e4\"}");
    }

    #[test]
    fn what_is_no_document_is_none() {
        for text in ["", "{", "{}{}", "1", "\"text\"", "[1,]", "nonsense"] {
            assert_eq!(JsonTree::parse(text.to_owned()), None, "{text:?}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_one_value() {
        let depth = 5_000;
        let text = format!("[{}1{},2]", "[".repeat(depth), "]".repeat(depth));
        let tree = JsonTree::parse(text).unwrap();
        assert!(tree.is_deep);
        let mut id = tree.root();
        let mut levels = 1;
        while let Some(child) = tree.children(id).next() {
            id = child;
            levels += 1;
        }
        assert_eq!(levels, MAX_DEPTH + 1);
        assert_eq!(tree.kind(id), Kind::Deep);
        let (shown, is_all) = tree.value(id);
        assert!(
            !is_all && shown.len() == SHOWN_CHARACTERS,
            "{}",
            shown.len()
        );
        // What follows it is there.
        assert_eq!(tree.len(tree.root()), 2);
    }

    #[test]
    fn a_large_document_is_cut_and_says_so() {
        let text = format!("[{}0]", "0,".repeat(MAX_NODES * 2));
        let tree = JsonTree::parse(text).unwrap();
        assert!(tree.is_cut);
        assert!(tree.len(tree.root()) <= MAX_NODES);
        assert_eq!(tree.outermost(), [0]);
        let text = format!("[{}[0]]", "[0],".repeat(2_000));
        let tree = JsonTree::parse(text).unwrap();
        assert!(!tree.is_cut && !tree.is_deep);
        assert!(tree.outermost().len() <= OPENED_AT_ONCE);
    }
}
