//! `WWW-Authenticate`: RFC 9110, section 11.6.1, and the token specification of CNCF distribution.
//!
//! Registries and the proxies before them are loose here: several challenges in one header or in
//! several (browsers join them), unquoted values, commas within quotes, `service` or `scope`
//! missing. What can be read is read; the rest is skipped.

use crate::limits;

/// One challenge of a `WWW-Authenticate` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as it was written, for example `Bearer`.
    pub scheme: String,
    /// Parameters; names in lower case.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether this is that scheme.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

/// Reads all challenges of one header value.
pub fn parse_challenges(value: &str) -> Vec<Challenge> {
    let mut cursor = Cursor::new(value);
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        cursor.skip(|byte| byte == b',' || is_space(byte));
        if cursor.is_at_end() {
            return challenges;
        }
        let name = cursor.take(is_token_byte);
        if name.is_empty() {
            // Not even a token: drop the byte and go on.
            cursor.advance();
            continue;
        }
        let before_space = cursor;
        cursor.skip(is_space);
        if cursor.peek() == Some(b'=') {
            cursor.advance();
            cursor.skip(is_space);
            let value = cursor.take_value();
            if let Some(challenge) = challenges.last_mut()
                && challenge.params.len() < limits::CHALLENGE_PARAMS
            {
                challenge.params.push((name.to_ascii_lowercase(), value));
            }
        } else {
            if challenges.len() >= limits::CHALLENGES {
                return challenges;
            }
            challenges.push(Challenge {
                scheme: name.to_owned(),
                params: Vec::new(),
            });
            cursor = before_space;
            cursor.skip_token68();
        }
    }
}

#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        let mut end = text.len().min(limits::HEADER_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            text: text.get(..end).unwrap_or_default(),
            position: 0,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn is_at_end(&self) -> bool {
        self.position >= self.text.len()
    }

    fn advance(&mut self) {
        self.position = self.position.saturating_add(1).min(self.text.len());
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.advance();
        }
    }

    /// `wanted` must hold for ASCII only, so that slices fall on character boundaries.
    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let start = self.position;
        self.skip(wanted);
        self.text.get(start..self.position).unwrap_or_default()
    }

    fn take_value(&mut self) -> String {
        if self.peek() != Some(b'"') {
            let value = self.take(|byte| byte != b',' && !is_space(byte) && byte.is_ascii());
            return value.to_owned();
        }
        self.advance();
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            self.advance();
            match byte {
                b'"' => break,
                b'\\' => {
                    if let Some(escaped) = self.peek() {
                        self.advance();
                        value.push(escaped);
                    }
                }
                _ => value.push(byte),
            }
        }
        String::from_utf8_lossy(&value).into_owned()
    }

    /// Skips the `token68` that may follow a scheme in place of parameters (`Negotiate abc==`).
    fn skip_token68(&mut self) {
        let mut ahead = *self;
        ahead.skip(is_space);
        let is_68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if ahead.take(is_68).is_empty() {
            return;
        }
        ahead.skip(|byte| byte == b'=');
        ahead.skip(is_space);
        if matches!(ahead.peek(), None | Some(b',')) {
            *self = ahead;
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expect: &[(&str, &[(&str, &str)])]) {
        let found = parse_challenges(header);
        let found: Vec<(&str, Vec<(&str, &str)>)> = found
            .iter()
            .map(|challenge| {
                let params = challenge.params.iter();
                let params = params.map(|(name, value)| (name.as_str(), value.as_str()));
                (challenge.scheme.as_str(), params.collect())
            })
            .collect();
        let expect: Vec<(&str, Vec<(&str, &str)>)> = expect
            .iter()
            .map(|(scheme, params)| (*scheme, params.to_vec()))
            .collect();
        assert_eq!(found, expect, "{header}");
    }

    #[test]
    fn challenges_of_known_registries_are_read() {
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
            &[(
                "Bearer",
                &[
                    ("realm", "https://auth.docker.io/token"),
                    ("service", "registry.docker.io"),
                    ("scope", "repository:library/nginx:pull"),
                ],
            )],
        );
        // Artifact Registry: neither service nor scope.
        check(
            r#"Bearer realm="https://europe-docker.pkg.dev/v2/token""#,
            &[(
                "Bearer",
                &[("realm", "https://europe-docker.pkg.dev/v2/token")],
            )],
        );
        check(
            r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#,
            &[(
                "Basic",
                &[
                    ("realm", "https://1.dkr.ecr.eu-west-1.amazonaws.com/"),
                    ("service", "ecr.amazonaws.com"),
                ],
            )],
        );
    }

    #[test]
    fn commas_within_quotes_do_not_end_a_value() {
        check(
            r#"bearer REALM="https://a/t", Scope="repository:a/b:pull,push repository:c:pull",error="invalid_token""#,
            &[(
                "bearer",
                &[
                    ("realm", "https://a/t"),
                    ("scope", "repository:a/b:pull,push repository:c:pull"),
                    ("error", "invalid_token"),
                ],
            )],
        );
    }

    #[test]
    fn several_challenges_in_one_header_are_told_apart() {
        check(
            r#"Negotiate, Digest nonce="a\"b", qop=auth , Negotiate YWJj==, Basic realm="x", Bearer realm=https://a/t , service = s"#,
            &[
                ("Negotiate", &[]),
                ("Digest", &[("nonce", "a\"b"), ("qop", "auth")]),
                ("Negotiate", &[]),
                ("Basic", &[("realm", "x")]),
                ("Bearer", &[("realm", "https://a/t"), ("service", "s")]),
            ],
        );
    }

    #[test]
    fn broken_headers_give_what_can_be_read() {
        check("", &[]);
        check(",,, ,", &[]);
        check("Basic", &[("Basic", &[])]);
        check("realm=\"x\"", &[]);
        check("Basic realm=\"x", &[("Basic", &[("realm", "x")])]);
        check("Basic realm=\"x\\", &[("Basic", &[("realm", "x")])]);
        check(
            "é Basic é realm=é,a=b",
            &[("Basic", &[("realm", ""), ("a", "b")])],
        );
    }

    #[test]
    fn counts_are_bounded() {
        let many = "Basic realm=x,".repeat(10_000);
        assert_eq!(parse_challenges(&many).len(), limits::CHALLENGES);
        let params = format!("Basic {}", "a=b,".repeat(1_000));
        assert_eq!(
            parse_challenges(&params)[0].params.len(),
            limits::CHALLENGE_PARAMS
        );
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,200}") {
            let _ = parse_challenges(&header);
        }

        #[test]
        fn what_is_written_is_read(
            params in proptest::collection::vec(("[a-z]{1,8}", "[ -~]{0,20}"), 0..8),
        ) {
            let text: Vec<String> = params
                .iter()
                .map(|(name, value)| {
                    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                    format!("{name}=\"{escaped}\"")
                })
                .collect();
            let found = parse_challenges(&format!("Bearer {}", text.join(", ")));
            proptest::prop_assert_eq!(found.len(), 1);
            proptest::prop_assert_eq!(&found[0].params, &params);
        }
    }
}
