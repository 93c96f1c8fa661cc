//! XML as feeds have it: elements by local name, each with its attributes and its own text.

use std::io::BufRead;

use quick_xml::{Reader, XmlVersion, escape::resolve_predefined_entity, events::Event};

use crate::{
    feeds::FeedError,
    limits::{MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_TEXT_BYTES},
};

/// An element, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Element {
    /// Its name without the prefix of its namespace.
    pub(crate) name: String,
    /// Its text, without that of the elements in it; what is beyond a mebibyte is cut off.
    pub(crate) text: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn push(&mut self, text: &str) {
        if self.text.len() + text.len() <= MAX_XML_TEXT_BYTES {
            self.text.push_str(text);
        }
    }
}

/// What happens to the innermost element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It begins: its attributes are known.
    Open,
    /// It ends: its text is known.
    Close,
}

/// Gives each element to `see` when it begins and when it ends, with those around it, outermost first.
///
/// # Errors
/// If it is no XML, breaks off or is nested too deeply; or what `see` returns.
pub(crate) fn walk(
    reader: impl BufRead,
    mut see: impl FnMut(Step, &[Element]) -> Result<(), FeedError>,
) -> Result<(), FeedError> {
    let mut reader = Reader::from_reader(reader);
    let mut path: Vec<Element> = Vec::new();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer)?;
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                if path.len() >= MAX_XML_DEPTH {
                    return Err(FeedError::Limit {
                        what: "nested elements",
                        limit: MAX_XML_DEPTH as u64,
                    });
                }
                let mut element = Element {
                    name: start.local_name().as_ref().to_owned(),
                    ..Element::default()
                };
                for attribute in start.attributes().take(MAX_XML_ATTRIBUTES) {
                    let attribute = attribute.map_err(quick_xml::Error::from)?;
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
                    let key = attribute.key.local_name().as_ref().to_owned();
                    element.attributes.push((key, value.into_owned()));
                }
                path.push(element);
                see(Step::Open, &path)?;
                if matches!(event, Event::Empty(_)) {
                    see(Step::Close, &path)?;
                    path.pop();
                }
            }
            Event::End(_) => {
                see(Step::Close, &path)?;
                path.pop();
            }
            Event::Text(text) => {
                if let Some(element) = path.last_mut() {
                    element.push(&text.xml10_content());
                }
            }
            Event::CData(text) => {
                if let Some(element) = path.last_mut() {
                    element.push(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let Some(element) = path.last_mut() else {
                    continue;
                };
                // An entity that nobody defines is left out: none of these feeds has a document type.
                if let Some(c) = reference.resolve_char_ref()? {
                    element.push(c.encode_utf8(&mut [0; 4]));
                } else if let Some(text) = resolve_predefined_entity(&reference.xml10_content()) {
                    element.push(text);
                }
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(FeedError::Foreign("XML that breaks off")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(xml: &str) -> Result<Vec<String>, FeedError> {
        let mut found = Vec::new();
        walk(xml.as_bytes(), |step, path| {
            if step == Step::Close {
                let names: Vec<&str> = path.iter().map(|element| element.name.as_str()).collect();
                let element = path.last().unwrap();
                let id = element.get("id").unwrap_or("-");
                found.push(format!("{} {id} {:?}", names.join("/"), element.text));
            }
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn elements_have_their_own_text_and_attributes() {
        let xml = r#"<?xml version="1.0"?><!-- c --><x:a xmlns:x="y" id="&lt;1&gt;">one &amp; <b x:id='2'/>&#x74;wo<![CDATA[<3>]]>&unknown;</x:a>"#;
        assert_eq!(
            texts(xml).unwrap(),
            [r#"a/b 2 """#, r#"a <1> "one & two<3>""#]
        );
    }

    #[test]
    fn what_is_broken_or_too_deep_is_refused() {
        for xml in ["<a>", "<a><b></a>", "<a", "</a>", "<a>&#xFFFFFFFF;</a>"] {
            assert!(texts(xml).is_err(), "{xml}");
        }
        let deep = "<a>".repeat(MAX_XML_DEPTH + 1);
        assert!(matches!(texts(&deep), Err(FeedError::Limit { .. })));
        let long = format!("<a>{}<b/>{}</a>", "x".repeat(MAX_XML_TEXT_BYTES), "y");
        assert!(!texts(&long).unwrap().concat().contains('y'));
    }
}
