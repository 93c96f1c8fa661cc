//! Where the base image ends and the image's own layers begin.
//!
//! A manifest does not say so. What does, the surest first:
//!
//! 1. **Chain ids**: the stack of the lowest layers is that of an image that is known
//!    ([`KnownBases`](crate::known_bases::KnownBases)).
//! 2. **Annotations**: `org.opencontainers.image.base.name` and `.digest` (OCI image specification
//!    1.1, "Annotations"; also as labels) name the base, and Cloud Native Buildpacks say in the label
//!    `io.buildpacks.lifecycle.metadata` which diff id its top layer has
//!    (<https://github.com/buildpacks/spec/blob/main/platform.md>).
//! 3. **History**: nearly all base images end with `CMD` or `ENTRYPOINT`, which make no layer. Going
//!    down from the top, the first of these below a step that made a layer ends the base. This is
//!    Trivy's rule, with two more: `golang` images end with a `WORKDIR`; and an image that adds no
//!    layer of its own is told by the days between the base's last step and its first. A Dockerfile
//!    with a `CMD` before its last layer is misread: nothing tells it from two builds.
//!
//! Of several bases on each other it is the newest that is told: `python`, not the `debian` below it.

use lamina_image::config::ImageConfig;
use serde_json::Value;

/// What says where the base ends, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaseEvidence {
    /// The chain id of its layers is that of a known image.
    ChainId,
    /// An annotation or a label names the base.
    Annotation,
    /// The history alone.
    History,
}

/// The base of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// How many of the lowest layers are the base's.
    pub layers: usize,
    /// Its name, if something says it.
    pub name: Option<String>,
    /// What says so.
    pub evidence: BaseEvidence,
}

/// What tells about the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseView<'a> {
    /// Of each layer, lowest first.
    pub diff_ids: Vec<String>,
    /// The manifest's annotations, and the config's labels after them.
    pub annotations: Vec<(&'a str, &'a str)>,
    /// Oldest first.
    pub history: Vec<BaseStep<'a>>,
}

/// One step of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseStep<'a> {
    /// As a Dockerfile has it.
    pub instruction: String,
    /// When, as RFC 3339.
    pub created: Option<&'a str>,
    /// It made no layer.
    pub is_empty: bool,
    /// The layer that it made, or on top of which it ran.
    pub layer: Option<usize>,
}

impl<'a> BaseView<'a> {
    /// The view of a config, for an image of `layers` layers whose manifest has `annotations`.
    pub fn of(
        config: &'a ImageConfig,
        layers: usize,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let steps = config.steps_of_layers(layers).layer_of_step;
        let labels = config.run.labels.iter();
        Self {
            diff_ids: config.diff_ids.iter().map(|id| id.0.to_string()).collect(),
            annotations: annotations
                .into_iter()
                .chain(labels.map(|(name, text)| (name.as_str(), text.as_str())))
                .collect(),
            history: config
                .history
                .iter()
                .zip(steps)
                .map(|(step, layer)| BaseStep {
                    instruction: step.instruction(),
                    created: step.created.as_deref(),
                    is_empty: step.empty_layer,
                    layer,
                })
                .collect(),
        }
    }

    fn annotation(&self, name: &str) -> Option<&'a str> {
        let mut found = self.annotations.iter().filter(|(other, _)| *other == name);
        found.find_map(|(_, text)| (!text.is_empty()).then_some(*text))
    }
}

/// Finds the base of an image by what manifest and config say of it; `None` if nothing tells, or it
/// has none.
pub fn find_base(view: &BaseView<'_>) -> Option<Base> {
    by_buildpacks(view).or_else(|| by_history(view))
}

fn by_buildpacks(view: &BaseView<'_>) -> Option<Base> {
    let metadata = view.annotation("io.buildpacks.lifecycle.metadata")?;
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let run_image = metadata.get("runImage")?;
    let top = run_image.get("topLayer")?.as_str()?;
    let place = view.diff_ids.iter().position(|diff_id| diff_id == top)?;
    let stack_image = metadata
        .get("stack")
        .and_then(|stack| stack.get("runImage"));
    let names = [
        stack_image.and_then(|image| image.get("image")),
        run_image.get("image"),
        run_image.get("reference"),
    ];
    let name = names.into_iter().flatten().find_map(Value::as_str);
    Some(Base {
        layers: place + 1,
        name: name.map(str::to_owned),
        evidence: BaseEvidence::Annotation,
    })
}

fn by_history(view: &BaseView<'_>) -> Option<Base> {
    let end = last_step_of_base(&view.history)?;
    let layers = view.history.get(end)?.layer? + 1;
    let name = view.annotation("org.opencontainers.image.base.name");
    let digest = view.annotation("org.opencontainers.image.base.digest");
    let name = match (name, digest) {
        (Some(name), Some(digest)) if !name.contains('@') => Some(format!("{name}@{digest}")),
        (Some(name), _) => Some(name.to_owned()),
        (None, digest) => digest.map(str::to_owned),
    };
    Some(Base {
        layers,
        evidence: match name {
            Some(_) => BaseEvidence::Annotation,
            None => BaseEvidence::History,
        },
        name,
    })
}

/// The index of the base's last step.
fn last_step_of_base(history: &[BaseStep<'_>]) -> Option<usize> {
    let top = history.iter().rposition(|step| !step.is_empty)?;
    // What the image's own build ended with is above its last layer. If the build made none, the
    // base's end is there too, and told by the time between.
    let above = (top + 1..history.len().saturating_sub(1)).rev();
    let mut above = above.filter(|index| ends_build(history, *index));
    let is_long_before = |index: &usize| {
        let [this, next] = [history.get(*index), history.get(*index + 1)];
        let days = |step: Option<&BaseStep<'_>>| step?.created.and_then(day_number);
        matches!((days(this), days(next)), (Some(this), Some(next)) if next > this + 1)
    };
    if let Some(index) = above.find(is_long_before) {
        return Some(index);
    }
    (0..top).rev().find(|index| ends_build(history, *index))
}

/// Whether a step is one that builds end with.
fn ends_build(history: &[BaseStep<'_>], index: usize) -> bool {
    let Some(step) = history.get(index) else {
        return false;
    };
    let mut words = step.instruction.split_whitespace();
    match words.next() {
        Some("CMD" | "ENTRYPOINT") => step.is_empty,
        // golang: `RUN mkdir -p "$GOPATH/src" …`, then `WORKDIR $GOPATH`.
        Some("WORKDIR") => {
            let directory = words.next().unwrap_or_default();
            let before = index.checked_sub(1).and_then(|before| history.get(before));
            matches!(directory, "/go" | "$GOPATH")
                && before.is_some_and(|before| before.instruction.contains("$GOPATH/src"))
        }
        _ => false,
    }
}

/// Days since some day, roughly: every month has 31.
fn day_number(created: &str) -> Option<u32> {
    let mut parts = created.get(..10)?.split('-');
    let mut number = || parts.next()?.parse::<u32>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    (year > 1980).then_some((year * 12 + month) * 31 + day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a step: `-` for one that made no layer, the time after `@`.
    fn steps(text: &str) -> Vec<BaseStep<'_>> {
        let mut made = 0;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let is_empty = line.starts_with('-');
                made += usize::from(!is_empty);
                let line = line.trim_start_matches('-').trim();
                let (line, created) = match line.rsplit_once(" @") {
                    Some((line, created)) => (line, Some(created)),
                    None => (line, None),
                };
                BaseStep {
                    instruction: line.to_owned(),
                    created,
                    is_empty,
                    layer: made.checked_sub(1),
                }
            })
            .collect()
    }

    fn check(text: &str, layers: Option<usize>) {
        let view = BaseView {
            history: steps(text),
            ..BaseView::default()
        };
        let found = find_base(&view);
        assert_eq!(found.as_ref().map(|base| base.layers), layers, "{text}");
        assert!(
            found.is_none_or(|base| base.evidence == BaseEvidence::History && base.name.is_none())
        );
    }

    const PYTHON_SLIM: &str = r#"
        # debian.sh --arch 'amd64' out/ 'bookworm' @2024-10-17T00:00:00Z
        - ENV PATH=/usr/local/bin:/usr/bin:/bin @2024-10-19T01:20:30Z
        - ENV LANG=C.UTF-8 @2024-10-19T01:20:30Z
        RUN set -eux; apt-get update; apt-get install -y --no-install-recommends ca-certificates @2024-10-19T01:20:30Z
        - ENV GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305 @2024-10-19T01:20:30Z
        RUN set -eux; wget -O python.tar.xz "https://www.python.org/ftp/python/" @2024-10-19T01:20:30Z
        RUN set -eux; for src in idle3 pip3 pydoc3 python3 python3-config; do ln -svT a b; done @2024-10-19T01:20:30Z
        - CMD ["python3"] @2024-10-19T01:20:30Z
    "#;

    #[test]
    fn images_on_python_have_its_layers() {
        let own = "
            - WORKDIR /app @2024-11-02T10:00:00Z
            COPY requirements.txt . @2024-11-02T10:00:01Z
            RUN pip install -r requirements.txt @2024-11-02T10:00:20Z
            COPY . . @2024-11-02T10:00:21Z
            - ENTRYPOINT [\"gunicorn\"] @2024-11-02T10:00:21Z
            - CMD [\"app\"] @2024-11-02T10:00:21Z
        ";
        check(&format!("{PYTHON_SLIM}{own}"), Some(4));
        // The image itself is built on a root file system whose build had no command.
        check(PYTHON_SLIM, None);
        // Nothing but labels on top: the command of the base is told by its age.
        let labels = "- LABEL a=b @2024-12-01T00:00:00Z\n- ENV C=d @2024-12-01T00:00:00Z";
        check(&format!("{PYTHON_SLIM}{labels}"), Some(4));
    }

    #[test]
    fn the_newest_of_several_bases_is_told() {
        let node = r#"
            ADD file:b4987bca8c4c4c640d6b71dcccfd7172b44771e0f851a47d05c00c2bcd204f6 in / @2023-07-28T01:19:52Z
            - CMD ["bash"] @2023-07-28T01:19:52Z
            RUN groupadd --gid 1000 node @2023-07-28T05:00:01Z
            - ENV NODE_VERSION=20.5.0 @2023-07-28T05:00:02Z
            RUN ARCH= && dpkgArch= @2023-07-28T05:01:02Z
            COPY file:4d192565a7220e135cab6c77fbc1c73211b69f3d9fb37e62857b2c6eb9363d51 in /usr/local/bin/ @2023-07-28T05:01:20Z
            - ENTRYPOINT ["docker-entrypoint.sh"] @2023-07-28T05:01:20Z
            - CMD ["node"] @2023-07-28T05:01:21Z
        "#;
        check(node, Some(1));
        check(
            &format!("{node}\nCOPY . /app\n- USER node\n- CMD [\"server.js\"]"),
            Some(4),
        );
        // Without a command of its own.
        check(&format!("{node}\nCOPY . /app"), Some(4));
    }

    #[test]
    fn golang_ends_with_its_directory() {
        let golang = r#"
            # debian.sh --arch 'amd64' out/ 'bookworm' @2024-10-17T00:00:00Z
            - CMD ["bash"] @2024-10-17T00:00:00Z
            RUN set -eux; apt-get update; apt-get install -y git @2024-10-18T00:00:00Z
            - ENV GOPATH=/go @2024-10-18T00:00:00Z
            COPY /target/ / @2024-10-18T00:00:00Z
            RUN mkdir -p "$GOPATH/src" "$GOPATH/bin" && chmod -R 1777 "$GOPATH" @2024-10-18T00:00:00Z
            WORKDIR /go @2024-10-18T00:00:00Z
        "#;
        check(
            &format!(
                "{golang}\nCOPY . . @2024-11-01T00:00:00Z\n- CMD [\"app\"] @2024-11-01T00:00:00Z"
            ),
            Some(5),
        );
        check(golang, Some(1));
    }

    #[test]
    fn without_a_command_below_a_layer_nothing_tells() {
        check("", None);
        check("- CMD [\"a\"]", None);
        check("- CMD [\"a\"]\nCOPY b /", None);
        check("ADD a\nCOPY b /\n- CMD [\"c\"]", None);
        check("ADD a\n- ENTRYPOINT [\"b\"]\nCOPY c /", Some(1));
        // Times that say nothing.
        check(
            "ADD a @x\n- CMD [\"b\"] @\n- LABEL c @0001-01-01T00:00:00Z",
            None,
        );
        check(
            "ADD a\n- CMD [\"b\"] @2024-01-01T23:59:59Z\n- LABEL c @2024-01-02T00:00:00Z",
            None,
        );
    }

    #[test]
    fn annotations_name_the_base() {
        let mut view = BaseView {
            history: steps("ADD a\n- CMD [\"b\"]\nRUN c\nRUN d"),
            ..BaseView::default()
        };
        view.annotations = vec![(
            "org.opencontainers.image.base.name",
            "docker.io/library/debian:12",
        )];
        let found = find_base(&view).unwrap();
        assert_eq!(
            (found.layers, found.name.as_deref()),
            (1, Some("docker.io/library/debian:12"))
        );
        assert_eq!(found.evidence, BaseEvidence::Annotation);
        view.annotations
            .push(("org.opencontainers.image.base.digest", "sha256:0a"));
        let found = find_base(&view).unwrap();
        assert_eq!(
            found.name.as_deref(),
            Some("docker.io/library/debian:12@sha256:0a")
        );
    }

    #[test]
    fn buildpacks_say_the_top_layer_of_their_run_image() {
        let metadata = r#"{"runImage":{"topLayer":"sha256:b","reference":"sha256:ff"},
            "stack":{"runImage":{"image":"paketobuildpacks/run:base-cnb"}}}"#;
        let mut view = BaseView {
            diff_ids: ["sha256:a", "sha256:b", "sha256:c"]
                .map(str::to_owned)
                .to_vec(),
            annotations: vec![("io.buildpacks.lifecycle.metadata", metadata)],
            ..BaseView::default()
        };
        let found = find_base(&view).unwrap();
        assert_eq!(
            (found.layers, found.name.as_deref()),
            (2, Some("paketobuildpacks/run:base-cnb"))
        );
        for broken in [
            "",
            "{",
            "[]",
            "{\"runImage\":3}",
            "{\"runImage\":{\"topLayer\":\"sha256:z\"}}",
        ] {
            view.annotations = vec![("io.buildpacks.lifecycle.metadata", broken)];
            assert_eq!(find_base(&view), None, "{broken}");
        }
    }
}
