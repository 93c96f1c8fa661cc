//! Arguments of a subcommand.

use anyhow::{Result, bail};

/// The words after the subcommand. Take flags and options, then `finish` or `rest`.
#[derive(Debug)]
pub(crate) struct Args(Vec<String>);

impl Args {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        Self(words.collect())
    }

    pub(crate) fn wants_help(&self) -> bool {
        self.0.iter().any(|word| word == "-h" || word == "--help")
    }

    /// Takes `--name`.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() != before
    }

    /// Takes `--name value` or `--name=value`.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        if let Some(at) = self.0.iter().position(|word| word == name) {
            self.0.remove(at);
            if at == self.0.len() {
                bail!("{name} wants a value");
            }
            return Ok(Some(self.0.remove(at)));
        }
        let with_equals = format!("{name}=");
        let found = self
            .0
            .iter()
            .position(|word| word.starts_with(&with_equals));
        Ok(found.map(|at| self.0.remove(at).split_off(with_equals.len())))
    }

    /// What is left.
    pub(crate) fn rest(self) -> Result<Vec<String>> {
        match self.0.iter().find(|word| word.starts_with("--")) {
            Some(word) => bail!("unknown option {word}; see --help"),
            None => Ok(self.0),
        }
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.rest()?.first() {
            Some(word) => bail!("unexpected argument {word:?}; see --help"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_in_both_spellings() {
        let check = |words: &[&str], port: Option<&str>, rest: &[&str]| {
            let mut args = Args::new(words.iter().map(ToString::to_string));
            assert_eq!(args.option("--port").unwrap().as_deref(), port);
            assert_eq!(args.rest().unwrap(), rest);
        };
        check(&["--port", "1", "a"], Some("1"), &["a"]);
        check(&["a", "--port=1"], Some("1"), &["a"]);
        check(&["a"], None, &["a"]);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(Args::new(["--prot".to_owned()].into_iter()).rest().is_err());
        assert!(
            Args::new(["--port".to_owned()].into_iter())
                .option("--port")
                .is_err()
        );
    }
}
