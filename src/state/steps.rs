//! Build steps as their author wrote them: `created_by` without what builders wrap around it.

/// One build step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The Dockerfile keyword: `RUN`, `COPY` …; for other builders the builder's name.
    pub keyword: String,
    /// The rest.
    pub text: String,
}

impl Step {
    /// Keyword and text.
    pub fn line(&self) -> String {
        if self.text.is_empty() {
            self.keyword.clone()
        } else {
            format!("{} {}", self.keyword, self.text)
        }
    }

    /// The text broken where a Dockerfile's author would: after `&&`, `;` and `||` of a `RUN`.
    pub fn lines(&self) -> Vec<String> {
        if self.keyword != "RUN" {
            return vec![self.text.clone()];
        }
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in self.text.split(' ') {
            match word {
                "&&" | "||" if !line.is_empty() => {
                    lines.push(std::mem::take(&mut line));
                    line.push_str(word);
                }
                _ => {
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(word);
                    if word.ends_with(';') {
                        lines.push(std::mem::take(&mut line));
                    }
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads a `created_by`.
pub fn parse(created_by: &str) -> Step {
    let text: String = created_by.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_suffix("# buildkit").unwrap_or(&text).trim();
    if text.is_empty() {
        return Step {
            keyword: "LAYER".to_owned(),
            text: String::new(),
        };
    }
    // The classic builder: `/bin/sh -c #(nop) CMD ["sh"]`.
    if let Some((_, directive)) = text.split_once("#(nop)") {
        return keyword_step(directive.trim()).unwrap_or_else(|| step("RUN", directive.trim()));
    }
    if let Some(found) = keyword_step(text) {
        return found;
    }
    if let Some(command) = strip_shell(text) {
        return step("RUN", command);
    }
    if let Some((builder, rest)) = text.split_once(' ')
        && builder.len() <= 12
        && builder.bytes().all(|byte| byte.is_ascii_lowercase())
        && matches!(
            builder,
            "bazel" | "ko" | "jib" | "nix" | "apko" | "melange" | "buildah" | "kaniko"
        )
    {
        return step(builder, rest);
    }
    // debuerreotype writes a comment: `# debian.sh --arch 'amd64' out/ 'bookworm' …`.
    step("BASE", text.trim_start_matches("# "))
}

fn keyword_step(text: &str) -> Option<Step> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    KEYWORDS.contains(&word).then(|| {
        let rest = rest.trim();
        match word {
            "RUN" => step("RUN", strip_shell(rest).unwrap_or(rest)),
            "ADD" | "COPY" => {
                let rest = strip_content_digest(rest);
                // `ADD file in /` is how a base image begins.
                step(
                    if rest == "file in /" { "BASE" } else { word },
                    match rest.as_str() {
                        "file in /" => "file system",
                        other => other,
                    },
                )
            }
            _ => step(word, rest),
        }
    })
}

fn step(keyword: &str, text: &str) -> Step {
    Step {
        keyword: keyword.to_owned(),
        text: text.to_owned(),
    }
}

/// `|1 VERSION=2 /bin/sh -c make` without build arguments and shell.
fn strip_shell(text: &str) -> Option<&str> {
    let text = match text.strip_prefix('|') {
        Some(_) => text.find("/bin/").and_then(|at| text.get(at..))?,
        None => text,
    };
    for shell in [
        "/bin/sh -c ",
        "/bin/bash -c ",
        "/bin/ash -c ",
        "/bin/bash -o pipefail -c ",
        "/bin/ash -eo pipefail -c ",
        "/bin/bash -eo pipefail -c ",
        "cmd /S /C ",
        "powershell -Command ",
    ] {
        if let Some(command) = text.strip_prefix(shell) {
            return Some(command.trim());
        }
    }
    None
}

/// `file:0eae… in /` as `file in /`.
fn strip_content_digest(text: &str) -> String {
    let words: Vec<_> = text
        .split(' ')
        .map(|word| match word.split_once(':') {
            Some((kind @ ("file" | "dir" | "multi"), hex))
                if hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                kind
            }
            _ => word,
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lose_what_builders_wrap_around_them() {
        let check = |created_by: &str, expect: &str| assert_eq!(parse(created_by).line(), expect);
        check("", "LAYER");
        check("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]");
        check(
            "/bin/sh -c #(nop) ADD file:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in / ",
            "BASE file system",
        );
        check(
            "/bin/sh -c #(nop) COPY dir:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in /srv/app ",
            "COPY dir in /srv/app",
        );
        check("/bin/sh -c apt-get update", "RUN apt-get update");
        check(
            "RUN /bin/sh -c set -eux;   make # buildkit",
            "RUN set -eux; make",
        );
        check(
            "RUN |2 A=1 B=x y /bin/sh -c make install # buildkit",
            "RUN make install",
        );
        check("|1 A=1 /bin/sh -c make", "RUN make");
        check("COPY /out/app /app # buildkit", "COPY /out/app /app");
        check("WORKDIR /srv", "WORKDIR /srv");
        check("USER", "USER");
        check("bazel build ...", "bazel build ...");
        check(
            "# debian.sh --arch 'amd64' out/ 'bookworm' '@1700000000'",
            "BASE debian.sh --arch 'amd64' out/ 'bookworm' '@1700000000'",
        );
        check("|1 odd", "BASE |1 odd");
    }

    #[test]
    fn a_long_run_is_broken_at_its_joints() {
        let step = parse(
            "RUN /bin/sh -c set -eux; apt-get update && apt-get install -y curl || true # buildkit",
        );
        assert_eq!(
            step.lines(),
            [
                "set -eux;",
                "apt-get update",
                "&& apt-get install -y curl",
                "|| true"
            ]
        );
        assert_eq!(parse("COPY a && b").lines(), ["a && b"]);
    }
}
