//! An image's history as the Dockerfile it may have been built with.
//!
//! A history is no Dockerfile: where the copied files came from, other stages, mounts and what
//! `.dockerignore` left out are not in it. What is not recorded is said as such, between `<` and `>` or
//! in a comment, and never made up. Forms of the steps: Docker's classic builder (`/bin/sh -c #(nop)`),
//! BuildKit, Buildah, Kaniko; Jib, ko, Bazel and Nix, which know no Dockerfile.

use lamina_report::model::Report;

use super::steps::{self, Step};

/// A line, or several that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What is written before it as a comment, without `#`.
    pub comment: Option<String>,
    /// The instruction; empty if there is none.
    pub text: String,
    /// The layer that it made.
    pub layer: Option<usize>,
}

/// A step of a history.
struct Told<'a> {
    created_by: &'a str,
    comment: &'a str,
    layer: Option<usize>,
}

/// The Dockerfile of a report's image.
pub fn reconstruct(report: &Report) -> Vec<Line> {
    let history: Vec<Told<'_>> = match report.image.history.as_slice() {
        [] => {
            let layers = report.layers.iter().enumerate();
            layers
                .map(|(index, layer)| Told {
                    created_by: &layer.created_by,
                    comment: "",
                    layer: Some(index),
                })
                .collect()
        }
        steps => steps
            .iter()
            .map(|step| Told {
                created_by: &step.created_by,
                comment: step.comment.as_deref().unwrap_or_default(),
                layer: step.layer,
            })
            .collect(),
    };
    let base = report.base.as_ref();
    let base = base.map(|base| (base.layers, base.name.as_deref()));
    of_history(&history, base)
}

/// The whole as text, with a head that says what it is.
pub fn text(lines: &[Line]) -> String {
    let mut out = String::from(
        "# Reconstructed from the image's history: sources, stages and mounts are not recorded in it\n",
    );
    for line in lines {
        if let Some(comment) = &line.comment {
            out.push_str("# ");
            out.push_str(comment);
            out.push('\n');
        }
        if !line.text.is_empty() {
            out.push_str(&line.text);
            out.push('\n');
        }
    }
    out
}

fn of_history(history: &[Told<'_>], base: Option<(usize, Option<&str>)>) -> Vec<Line> {
    let (mut lines, own) = match base.filter(|(layers, _)| *layers > 0) {
        Some((layers, name)) => {
            let from = Line {
                comment: Some(match layers {
                    1 => "The lowest layer is the base's".to_owned(),
                    count => format!("The lowest {count} layers are the base's"),
                }),
                text: format!("FROM {}", name.unwrap_or("<a base that nothing names>")),
                layer: None,
            };
            (vec![from], base_steps(history, layers))
        }
        None => {
            let from = Line {
                text: "FROM scratch".to_owned(),
                ..Line::default()
            };
            (vec![from], 0)
        }
    };
    lines.extend(history.iter().skip(own).map(line));
    lines
}

/// How many of the first steps are the base's: those of its layers, and the command that ends it.
fn base_steps(history: &[Told<'_>], layers: usize) -> usize {
    let is_base = |step: &Told<'_>| step.layer.is_some_and(|layer| layer < layers);
    let Some(last) = history.iter().rposition(is_base) else {
        return 0;
    };
    let after = history.iter().enumerate().skip(last + 1);
    let mut empty = after.take_while(|(_, step)| step.layer.is_none());
    let ends_base = |step: &Told<'_>| {
        let keyword = steps::parse(step.created_by).keyword;
        keyword == "CMD" || keyword == "ENTRYPOINT"
    };
    // If nothing follows it, it may as well be the image's own.
    let end = empty.find(|(at, step)| ends_base(step) && at + 1 < history.len());
    end.map_or(last + 1, |(at, _)| at + 1)
}

fn line(told: &Told<'_>) -> Line {
    let step = steps::parse(told.created_by);
    let (comment, text) = match step.keyword.as_str() {
        "RUN" => (
            build_arguments(told.created_by)
                .map(|arguments| format!("With the build arguments {arguments}")),
            format!("RUN {}", step.lines().join(" \\\n    ")),
        ),
        "COPY" | "ADD" => copied(&step),
        "BASE" => (
            (step.text != "file system").then(|| step.text.clone()),
            "ADD <the root file system> /".to_owned(),
        ),
        "CMD" | "ENTRYPOINT" | "SHELL" | "VOLUME" => {
            (None, format!("{} {}", step.keyword, list(&step.text)))
        }
        "EXPOSE" => (None, format!("EXPOSE {}", ports(&step.text))),
        "HEALTHCHECK" => match healthcheck(&step.text) {
            Some(text) => (None, format!("HEALTHCHECK {text}")),
            None => (Some(step.line()), String::new()),
        },
        "ENV" | "LABEL" => (None, format!("{} {}", step.keyword, pair(&step.text))),
        "LAYER" => (Some(unsaid(told)), String::new()),
        keyword if keyword.chars().all(|letter| letter.is_ascii_uppercase()) => (None, step.line()),
        _ => (Some(unsaid(told)), String::new()),
    };
    Line {
        comment,
        text,
        layer: told.layer,
    }
}

/// What there is to say of a step of a builder that knows no Dockerfile.
fn unsaid(told: &Told<'_>) -> String {
    let layer = told.layer.map_or_else(
        || "A step without files".to_owned(),
        |layer| format!("Layer {layer}"),
    );
    let says: Vec<&str> = [told.created_by, told.comment]
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    match says.as_slice() {
        [] => format!("{layer}: nothing says how it was made"),
        says => {
            let says = says.join(", ").replace(['\n', '\r'], " ");
            format!("{layer}, made without a Dockerfile: {says}")
        }
    }
}

/// `|2 A=1 B=x y /bin/sh -c make` has `A=1 B=x y`.
fn build_arguments(created_by: &str) -> Option<String> {
    let text = created_by.trim_start();
    let text = text.strip_prefix("RUN ").map_or(text, str::trim_start);
    let (_, rest) = text.strip_prefix('|')?.split_once(' ')?;
    let arguments = rest.get(..rest.find("/bin/")?)?.trim();
    (!arguments.is_empty()).then(|| arguments.replace(['\n', '\r'], " "))
}

fn copied(step: &Step) -> (Option<String>, String) {
    for kind in ["file", "dir", "multi"] {
        let to = step.text.strip_prefix(kind);
        if let Some(to) = to.and_then(|rest| rest.strip_prefix(" in ")) {
            let what = match kind {
                "file" => "<a file>",
                "dir" => "<a directory>",
                _ => "<several files>",
            };
            return (None, format!("{} {what} {}", step.keyword, to.trim()));
        }
    }
    (None, step.line())
}

/// The texts between double quotes.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '"' {
            continue;
        }
        let mut one = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => match characters.next() {
                    Some('n') => one.push('\n'),
                    Some('t') => one.push('\t'),
                    Some(other) => one.push(other),
                    None => {}
                },
                other => one.push(other),
            }
        }
        found.push(one);
    }
    found
}

fn json(words: &[String]) -> String {
    serde_json::to_string(words)
        .unwrap_or_default()
        .replace("\",\"", "\", \"")
}

/// `["a" "b"]` and `[a b]`, as Go prints lists, in the form that a Dockerfile takes.
fn list(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    else {
        return text.to_owned();
    };
    let words = match inner.contains('"') {
        true => quoted(inner),
        false => inner.split_whitespace().map(str::to_owned).collect(),
    };
    json(&words)
}

/// `map[80/tcp:{} 443/tcp:{}]` as `80/tcp 443/tcp`.
fn ports(text: &str) -> String {
    match text
        .strip_prefix("map[")
        .and_then(|text| text.strip_suffix(']'))
    {
        Some(inner) => {
            let ports = inner.split_whitespace();
            let ports: Vec<&str> = ports.map(|port| port.trim_end_matches(":{}")).collect();
            ports.join(" ")
        }
        None => text.trim_matches(['[', ']']).to_owned(),
    }
}

/// `&{["CMD-SHELL" "curl -f x"] "30s" "3s" "0s" "0s" '\x03'}` as a Dockerfile has it.
fn healthcheck(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix("&{[") else {
        // Kaniko and Buildah write it as it was.
        return Some(text.to_owned());
    };
    let (test, rest) = inner.split_once("] ").or_else(|| inner.split_once(']'))?;
    let times = quoted(rest);
    let names = [
        "--interval",
        "--timeout",
        "--start-period",
        "--start-interval",
    ];
    let options = names.iter().zip(&times);
    let options: String = options
        .filter(|(_, time)| !matches!(time.as_str(), "0s" | ""))
        .map(|(name, time)| format!("{name}={time} "))
        .collect();
    match quoted(test).as_slice() {
        [none] if none == "NONE" => Some("NONE".to_owned()),
        [how, command] if how == "CMD-SHELL" => Some(format!("{options}CMD {command}")),
        [how, words @ ..] if how == "CMD" => Some(format!("{options}CMD {}", json(words))),
        _ => None,
    }
}

/// `A=b c` as `A="b c"`: histories lose the quotes. Several pairs are left as they are.
fn pair(text: &str) -> String {
    let Some((name, value)) = text.split_once('=') else {
        return text.to_owned();
    };
    let is_bare = value.contains(' ') && !value.contains('"') && !value.contains('=');
    match is_bare {
        true => format!("{name}=\"{value}\""),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps: what made them, a comment, and whether they made a layer.
    fn told(steps: &[(&str, &str, bool)], base: Option<(usize, Option<&str>)>) -> String {
        let mut layers = 0..;
        let history: Vec<Told<'_>> = steps
            .iter()
            .map(|(created_by, comment, has_layer)| Told {
                created_by,
                comment,
                layer: has_layer.then(|| layers.next().unwrap()),
            })
            .collect();
        let text = text(&of_history(&history, base));
        text.split_once('\n').unwrap().1.to_owned()
    }

    #[test]
    fn buildkit_on_a_known_base() {
        // nginx:1.25 of Docker Hub, shortened.
        let steps = [
            (
                "/bin/sh -c #(nop) ADD file:f9d4d2d7e4c5f7f4d6a4d2b6f7a4d7e4c5f7f4d6a4d2b6f7a4d7e4c5f7f4d6a4 in / ",
                "",
                true,
            ),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "", false),
            (
                "LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>",
                "buildkit.dockerfile.v0",
                false,
            ),
            ("ENV NGINX_VERSION=1.25.3", "buildkit.dockerfile.v0", false),
            (
                "RUN /bin/sh -c set -x     && groupadd --system nginx     && useradd nginx # buildkit",
                "buildkit.dockerfile.v0",
                true,
            ),
            (
                "COPY docker-entrypoint.sh / # buildkit",
                "buildkit.dockerfile.v0",
                true,
            ),
            (
                "ENTRYPOINT [\"/docker-entrypoint.sh\"]",
                "buildkit.dockerfile.v0",
                false,
            ),
            ("EXPOSE map[80/tcp:{}]", "buildkit.dockerfile.v0", false),
            ("STOPSIGNAL SIGQUIT", "buildkit.dockerfile.v0", false),
            (
                "CMD [\"nginx\" \"-g\" \"daemon off;\"]",
                "buildkit.dockerfile.v0",
                false,
            ),
        ];
        assert_eq!(
            told(&steps, Some((1, Some("debian:12.0")))),
            "# The lowest layer is the base's\nFROM debian:12.0\n\
             LABEL maintainer=\"NGINX Docker Maintainers <docker-maint@nginx.com>\"\n\
             ENV NGINX_VERSION=1.25.3\n\
             RUN set -x \\\n    && groupadd --system nginx \\\n    && useradd nginx\n\
             COPY docker-entrypoint.sh /\n\
             ENTRYPOINT [\"/docker-entrypoint.sh\"]\nEXPOSE 80/tcp\nSTOPSIGNAL SIGQUIT\n\
             CMD [\"nginx\", \"-g\", \"daemon off;\"]\n"
        );
    }

    #[test]
    fn the_classic_builder_without_a_base() {
        let steps = [
            (
                "/bin/sh -c #(nop) ADD file:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in / ",
                "",
                true,
            ),
            ("/bin/sh -c #(nop)  CMD [\"/bin/sh\"]", "", false),
            ("|2 A=1 B=x y /bin/sh -c make install", "", true),
            (
                "/bin/sh -c #(nop) COPY dir:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in /srv/app ",
                "",
                true,
            ),
            ("/bin/sh -c #(nop)  VOLUME [/data /logs]", "", false),
            (
                "/bin/sh -c #(nop)  HEALTHCHECK &{[\"CMD-SHELL\" \"curl -f http://localhost/\"] \"30s\" \"3s\" \"0s\" '\\x00'}",
                "",
                false,
            ),
            (
                "/bin/sh -c #(nop)  SHELL [/bin/bash -o pipefail -c]",
                "",
                false,
            ),
        ];
        assert_eq!(
            told(&steps, None),
            "FROM scratch\nADD <the root file system> /\nCMD [\"/bin/sh\"]\n\
             # With the build arguments A=1 B=x y\nRUN make install\n\
             COPY <a directory> /srv/app\nVOLUME [\"/data\", \"/logs\"]\n\
             HEALTHCHECK --interval=30s --timeout=3s CMD curl -f http://localhost/\n\
             SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n"
        );
    }

    #[test]
    fn builders_without_a_dockerfile_are_said_to_be_such() {
        let check = |step: (&str, &str, bool), expect: &str| {
            assert_eq!(told(&[step], None), format!("FROM scratch\n{expect}\n"));
        };
        check(
            (
                "ko build ko://example.com/cmd/app",
                "kodata contents, at $KO_DATA_PATH",
                true,
            ),
            "# Layer 0, made without a Dockerfile: ko build ko://example.com/cmd/app, kodata contents, at $KO_DATA_PATH",
        );
        check(
            ("bazel build ...", "", true),
            "# Layer 0, made without a Dockerfile: bazel build ...",
        );
        check(
            ("", "store paths: ['/nix/store/abc-hello-2.12']", true),
            "# Layer 0, made without a Dockerfile: store paths: ['/nix/store/abc-hello-2.12']",
        );
        check(("", "", true), "# Layer 0: nothing says how it was made");
        // Buildah and Kaniko.
        check(("/bin/sh -c #(nop) USER 1001", "", false), "USER 1001");
        check(
            ("COPY --from=build /out/app /app", "", true),
            "COPY --from=build /out/app /app",
        );
    }

    #[test]
    fn a_base_that_nothing_names_is_said_so() {
        let steps = [("ADD rootfs.tar /", "", true), ("RUN make", "", true)];
        assert_eq!(
            told(&steps, Some((1, None))),
            "# The lowest layer is the base's\nFROM <a base that nothing names>\nRUN make\n"
        );
        // The last command may be the image's own.
        let steps = [("ADD rootfs.tar /", "", true), ("CMD [\"sh\"]", "", false)];
        assert!(told(&steps, Some((1, Some("a")))).ends_with("CMD [\"sh\"]\n"));
    }

    #[test]
    fn no_line_escapes_its_comment() {
        let text = told(&[("", "one\nRUN evil", true)], None);
        assert!(text.lines().all(|line| !line.starts_with("RUN")), "{text}");
    }
}
