//! Grype: a command that fails where a vulnerability is severe enough.
//!
//! The rules are those of anchore/grype `grype/match/ignore.go`, `grype/vulnerability_matcher.go`,
//! `cmd/grype/cli/commands/root.go`, `cmd/grype/cli/options/grype.go` and
//! `grype/vulnerability/severity.go` (read at 4562c55, 2026).
//!
//! How it sees a finding:
//! - **id**: of language packages the GHSA id (its source is GitHub's database), of distributions
//!   their own. The CVE is a related vulnerability, which rules match only with `include-aliases`,
//!   and which `by-cve` puts in front.
//! - **severity**: as ours. `unknown` is below every threshold.
//! - **fix state**: `fixed`, `not-fixed`, `wont-fix`, `unknown`; see [`FixState::of`].
//! - **match type**: `exact-indirect-match` where the advisory is about the source package, else
//!   `exact-direct-match`. Lamina does not match by CPE.
//! - **location**: the file with a slash in front.

use std::collections::HashSet;

use jiff::Timestamp;
use lamina_inventory::severity::Severity;
use serde::{Deserialize, Serialize};

use super::{
    Decision, Export, ExportFile, ImportError, Preset, Translated,
    shared::{
        self, ById, Glob, MAX_CONDITIONS, MAX_RULES, NameRegex, Purl, as_written, check_count,
        check_size, ghsa, glob_to_regex, ids, image_word, is_cve, is_only_ours, is_os, is_pattern,
        left_out, or_default, policy_loss, purl_type, quoted, regex_to_glob, scalar, vex_of_oldest,
    },
};
use crate::{
    Choice, Exception, Finding, Gap, Package, Pattern, Policy, Status, Subject, Threshold,
};

pub(super) const ID: &str = "grype";

/// The preset.
pub(super) struct Grype;

/// What a `.grype.yaml` and the command line say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// The mildest severity that fails (`--fail-on`); `unknown` is refused, absent never fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_on_severity: Option<Severity>,
    /// Whether what is not fixed is ignored.
    pub only_fixed: bool,
    /// Whether what is fixed is ignored.
    pub only_notfixed: bool,
    /// Fix states that are ignored: `--ignore-states`, in the file `ignore-wontfix`.
    pub ignore_states: Vec<FixState>,
    /// Whether the CVE stands for the vulnerability where there is one.
    pub by_cve: bool,
    /// Whether vulnerabilities of the kernel count in packages of its headers.
    pub match_upstream_kernel_headers: bool,
    /// Documents that say what does not count.
    pub vex_documents: Vec<String>,
    /// Statuses of statements that bring back what rules ignore: `affected`, `under_investigation`.
    pub vex_add: Vec<String>,
    /// The rules by which matches are ignored.
    pub ignore: Vec<IgnoreRule>,
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), ImportError> {
        check_rules(&self.ignore)?;
        check_count("documents", self.vex_documents.len(), MAX_CONDITIONS)?;
        check_count("statuses", self.vex_add.len(), MAX_CONDITIONS)?;
        check_count("fix states", self.ignore_states.len(), MAX_CONDITIONS)
    }
}

/// Checks how many rules there are, and how many of them every finding is compared with.
fn check_rules(rules: &[IgnoreRule]) -> Result<(), ImportError> {
    check_count("rules", rules.len(), MAX_RULES)?;
    let without_id = rules.iter().filter(|rule| rule.vulnerability.is_empty());
    check_count("rules without an id", without_id.count(), MAX_CONDITIONS)
}

/// A rule: every field that is not empty must be met. One without any field ignores nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct IgnoreRule {
    /// The id, compared letter by letter.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub vulnerability: String,
    /// Whether the id may also be one of the related vulnerabilities.
    #[serde(
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "or_default"
    )]
    pub include_aliases: bool,
    /// Why; not a condition.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub reason: String,
    /// The source of the advisory, e.g. `debian:distro:debian:12`, `github:language:python`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub namespace: String,
    /// The fix state.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub fix_state: String,
    /// How it was matched: `exact-direct-match`, `exact-indirect-match`, `cpe-match`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub match_type: String,
    /// A status of VEX: then the rule says how statements are used, and ignores nothing by itself.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub vex_status: String,
    /// A justification of VEX.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub vex_justification: String,
    /// The package.
    #[serde(
        skip_serializing_if = "IgnorePackage::is_empty",
        deserialize_with = "or_default"
    )]
    pub package: IgnorePackage,
}

/// The package of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct IgnorePackage {
    /// Its name: a regular expression if it has one of the letters `^$*+?[](){}|\`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub name: String,
    /// Its version.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub version: String,
    /// Its language: `python`, `javascript`, `java`, `go`, `ruby`, `rust`, `php`, `dotnet` …
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub language: String,
    /// Its type: `deb`, `rpm`, `apk`, `npm`, `python`, `go-module`, `java-archive` …
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default",
        rename = "type"
    )]
    pub kind: String,
    /// A pattern of the paths it is found at.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub location: String,
    /// The name of its source package, as `name`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub upstream_name: String,
}

impl IgnorePackage {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a vulnerability is fixed, in Grype's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixState {
    /// A fixed version is known.
    Fixed,
    /// There is none yet.
    NotFixed,
    /// There will be none.
    WontFix,
    /// Nobody says.
    Unknown,
}

impl FixState {
    const ALL: [Self; 4] = [Self::Fixed, Self::NotFixed, Self::WontFix, Self::Unknown];

    /// What ours is there. Its Debian source calls whatever has no security advisory planned
    /// (`<no-dsa>`, of which `<postponed>` is one) `wont-fix`; a release that is no longer looked
    /// after is `wont-fix` everywhere.
    pub fn of(status: Status, namespace: &str) -> Self {
        match status {
            Status::Fixed => Self::Fixed,
            Status::WillNotFix | Status::EndOfLife => Self::WontFix,
            Status::FixDeferred if namespace.starts_with("debian:") => Self::WontFix,
            Status::Affected | Status::FixDeferred | Status::UnderInvestigation => Self::NotFixed,
            Status::Possible => Self::Unknown,
        }
    }

    /// Grype's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::NotFixed => "not-fixed",
            Self::WontFix => "wont-fix",
            Self::Unknown => "unknown",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// The namespace of Grype's database for a shard of ours; `None` where it has no such source.
pub fn namespace(key: &str) -> Option<String> {
    let (base, release) = key.split_once(':').unwrap_or((key, ""));
    let language = |language: &str| Some(format!("github:language:{language}"));
    let distro = |vendor: &str, distro: &str| Some(format!("{vendor}:distro:{distro}:{release}"));
    let rolling = |name: &str| Some(format!("{name}:distro:{name}:rolling"));
    match base {
        "pypi" => language("python"),
        "npm" => language("javascript"),
        "maven" => language("java"),
        "go" => language("go"),
        "rubygems" => language("ruby"),
        "crates.io" => language("rust"),
        "packagist" => language("php"),
        "nuget" => language("dotnet"),
        "pub" => language("dart"),
        "swift" => language("swift"),
        "wolfi" | "chainguard" | "minimos" => rolling(base),
        "arch" => Some("arch:distro:archlinux:rolling".to_owned()),
        _ if release.is_empty() => None,
        "debian" | "ubuntu" | "alpine" | "echo" | "photon" => distro(base, base),
        "red-hat" => distro("redhat", "redhat"),
        "oracle" => distro("oracle", "oraclelinux"),
        "amazon" => distro("amazon", "amazonlinux"),
        "suse" => distro("sles", "sles"),
        "mariner" => distro("mariner", "mariner"),
        "azure-linux" => distro("mariner", "azurelinux"),
        "almalinux" | "rocky" | "fedora" => distro(base, base),
        _ => None,
    }
}

/// Grype's type of a package, by its purl type.
pub fn package_type(purl_type: &str) -> &str {
    match purl_type {
        "pypi" => "python",
        "maven" => "java-archive",
        "golang" => "go-module",
        "cargo" => "rust-crate",
        "nuget" => "dotnet",
        "composer" => "php-composer",
        "pear" => "php-pear",
        "pub" => "dart-pub",
        "ebuild" => "portage",
        "cran" => "R-package",
        "otp" => "erlang-otp",
        "cocoapods" => "pod",
        "brew" => "homebrew",
        "luarocks" => "lua-rocks",
        "generic" => "binary",
        other => other,
    }
}

/// Grype's language of a package, by its purl type; empty for those of distributions.
pub fn language(purl_type: &str) -> &'static str {
    match purl_type {
        "pypi" => "python",
        "npm" => "javascript",
        "maven" => "java",
        "golang" => "go",
        "cargo" => "rust",
        "nuget" => "dotnet",
        "gem" => "ruby",
        "composer" | "pear" => "php",
        "pub" => "dart",
        "swift" | "cocoapods" => "swift",
        "hex" => "elixir",
        "otp" => "erlang",
        "hackage" => "haskell",
        "cran" => "R",
        "luarocks" => "lua",
        "conan" => "c++",
        _ => "",
    }
}

/// What `grype` does with an image.
pub fn judge(settings: &Settings, subject: &Subject<'_>, _now: Timestamp) -> Decision {
    let mut decision = Decision {
        tool: ID,
        allows: true,
        ..Decision::default()
    };
    if subject.gaps.contains(&Gap::NoDatabase) {
        decision.allows = false;
        decision.code = 1;
        decision.message = "failed to load vulnerability db".to_owned();
        decision.left_out = (0..subject.findings.len())
            .map(|index| (index, "no database was asked".to_owned()))
            .collect();
        return decision;
    }
    let rules = Rules::new(settings);
    let vex = vex_of_oldest(subject);
    let mut seen = HashSet::new();
    let mut remaining = 0_usize;
    for (index, finding) in subject.findings.iter().enumerate() {
        let view = View::new(finding, settings.by_cve);
        let why = if let Some(rule) = rules.first(&view) {
            rules.say(rule)
        } else if let Some(statement) = vex.get(&index) {
            format!("VEX: {statement}")
        } else if !seen.insert((
            view.id,
            finding.at.name,
            finding.at.version,
            finding.at.file,
        )) {
            "the same match as another".to_owned()
        } else {
            remaining += 1;
            match settings.fail_on_severity {
                None => "no --fail-on is given: nothing fails".to_owned(),
                Some(Severity::Unknown) => "--fail-on unknown never fails".to_owned(),
                Some(threshold) if finding.severity >= threshold => {
                    decision.counted.push(index);
                    continue;
                }
                Some(threshold) => {
                    format!("{} is below {}", finding.severity.word(), threshold.word())
                }
            }
        };
        decision.left_out.push((index, why));
    }
    if !decision.counted.is_empty() {
        decision.allows = false;
        decision.code = 2;
        decision.message =
            "discovered vulnerabilities at or above the severity threshold".to_owned();
    } else if remaining == 0 {
        decision.message = "No vulnerabilities found".to_owned();
    }
    note(settings, subject, &mut decision);
    decision
}

fn note(settings: &Settings, subject: &Subject<'_>, decision: &mut Decision) {
    if settings.only_fixed && settings.only_notfixed {
        decision
            .notes
            .push("only-fixed and only-notfixed together ignore everything".to_owned());
    }
    if !settings.vex_add.is_empty() && subject.vex.iter().any(|matched| !matched.suppresses) {
        decision.notes.push(
            "statements that something is affected would bring back what rules ignore (vex-add): \
             Lamina does not do that"
                .to_owned(),
        );
    }
    if settings.by_cve {
        decision.notes.push(
            "with by-cve Grype also takes the severity from NVD; Lamina keeps its own".to_owned(),
        );
    }
}

/// A finding as Grype sees it.
struct View<'a> {
    finding: &'a Finding<'a>,
    /// The id of the match.
    id: &'a str,
    /// The id before `by-cve` changed it: rules are asked about both.
    original: &'a str,
    state: FixState,
    purl_type: &'a str,
}

impl<'a> View<'a> {
    fn new(finding: &'a Finding<'a>, by_cve: bool) -> Self {
        let kind = purl_type(finding.at.purl);
        let original = match is_os(kind) {
            true => finding.id,
            false => ghsa(finding).unwrap_or(finding.id),
        };
        let id = match by_cve && !is_cve(original) {
            true => ids(finding).find(|id| is_cve(id)).unwrap_or(original),
            false => original,
        };
        Self {
            finding,
            id,
            original,
            state: FixState::of(finding.status, finding.namespace),
            purl_type: kind,
        }
    }

    /// The package's name. Of Java packages Grype names the artifact alone.
    fn name(&self) -> &'a str {
        let name = self.finding.at.name;
        match self.purl_type {
            "maven" => name.rsplit(':').next().unwrap_or(name),
            _ => name,
        }
    }

    fn match_type(&self) -> &'static str {
        match self.finding.at.source {
            Some(_) => "exact-indirect-match",
            None => "exact-direct-match",
        }
    }
}

/// A rule made ready.
struct Ready<'a> {
    rule: &'a IgnoreRule,
    /// `None` if there is no condition, or it does not work.
    name: Option<Name<'a>>,
    upstream: Option<Name<'a>>,
    location: Option<Glob<'a>>,
    /// Whether it can ever hold.
    works: bool,
}

/// A name to compare, or an expression.
enum Name<'a> {
    Is(&'a str),
    Matches(NameRegex),
}

impl<'a> Name<'a> {
    /// An expression that cannot be compiled matches nothing.
    fn new(pattern: &'a str) -> Result<Option<Self>, String> {
        if pattern.is_empty() {
            return Ok(None);
        }
        if is_expression(pattern) {
            return NameRegex::new(pattern).map(|regex| Some(Self::Matches(regex)));
        }
        Ok(Some(Self::Is(pattern)))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Is(other) => *other == name,
            Self::Matches(regex) => regex.matches(name),
        }
    }
}

fn is_expression(name: &str) -> bool {
    name.contains(|c| "^$*+?[](){}|\\".contains(c))
}

impl<'a> Ready<'a> {
    fn new(rule: &'a IgnoreRule) -> Self {
        let name = Name::new(&rule.package.name);
        let upstream = Name::new(&rule.package.upstream_name);
        let location = match rule.package.location.as_str() {
            "" => Ok(None),
            pattern => Glob::new(pattern).map(Some),
        };
        let without_reason = IgnoreRule {
            reason: String::new(),
            include_aliases: false,
            vex_justification: String::new(),
            ..rule.clone()
        };
        let works = name.is_ok()
            && upstream.is_ok()
            && location.is_ok()
            && rule.vex_status.is_empty()
            && without_reason != IgnoreRule::default();
        Self {
            rule,
            name: name.unwrap_or_default(),
            upstream: upstream.unwrap_or_default(),
            location: location.unwrap_or_default(),
            works,
        }
    }

    /// Whether the conditions other than the id hold; cheap ones first.
    fn holds(&self, view: &View<'_>) -> bool {
        let rule = self.rule;
        let package = &view.finding.at;
        let is = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        self.works
            && is(&rule.fix_state, view.state.word())
            && is(&rule.match_type, view.match_type())
            && is(&rule.package.kind, package_type(view.purl_type))
            && is(&rule.package.language, language(view.purl_type))
            && is(&rule.package.version, package.version)
            && (rule.namespace.is_empty()
                || namespace(view.finding.namespace).as_deref() == Some(&rule.namespace))
            && self
                .upstream
                .as_ref()
                .is_none_or(|name| package.source.is_some_and(|source| name.matches(source)))
            && self
                .name
                .as_ref()
                .is_none_or(|name| name.matches(view.name()))
            && self
                .location
                .as_ref()
                .is_none_or(|glob| glob.matches(&format!("/{}", package.file)))
    }
}

/// All rules, those that options stand for last.
struct Rules<'a> {
    ready: Vec<Ready<'a>>,
    by_id: ById<'a>,
    states: [bool; 4],
    only_fixed: bool,
    only_notfixed: bool,
    keeps_headers: bool,
}

/// Which rule it was.
enum Hit {
    Own(usize),
    State(FixState),
    Headers,
}

impl<'a> Rules<'a> {
    fn new(settings: &'a Settings) -> Self {
        let mut states = [false; 4];
        for (slot, state) in states.iter_mut().zip(FixState::ALL) {
            *slot = settings.ignore_states.contains(&state)
                || (settings.only_fixed && state != FixState::Fixed)
                || (settings.only_notfixed && state == FixState::Fixed);
        }
        let ids = settings
            .ignore
            .iter()
            .map(|rule| Some(rule.vulnerability.as_str()).filter(|id| !id.is_empty()));
        Self {
            ready: settings.ignore.iter().map(Ready::new).collect(),
            by_id: ById::new(ids),
            states,
            only_fixed: settings.only_fixed,
            only_notfixed: settings.only_notfixed,
            keeps_headers: settings.match_upstream_kernel_headers,
        }
    }

    fn first(&self, view: &View<'_>) -> Option<Hit> {
        let own = [view.id, view.original];
        let related = ids(view.finding);
        let rule = self.by_id.first(own.into_iter().chain(related), |number| {
            let Some(ready) = self.ready.get(number) else {
                return false;
            };
            let id = ready.rule.vulnerability.as_str();
            (id.is_empty() || ready.rule.include_aliases || own.contains(&id)) && ready.holds(view)
        });
        if let Some(number) = rule {
            return Some(Hit::Own(number));
        }
        let states = FixState::ALL.iter().zip(self.states);
        if states
            .into_iter()
            .any(|(state, is_out)| is_out && *state == view.state)
        {
            return Some(Hit::State(view.state));
        }
        (!self.keeps_headers && is_kernel_headers(view)).then_some(Hit::Headers)
    }

    fn say(&self, hit: Hit) -> String {
        match hit {
            Hit::Own(number) => {
                let reason = self
                    .ready
                    .get(number)
                    .map(|ready| ready.rule.reason.as_str())
                    .filter(|reason| !reason.is_empty());
                match reason {
                    Some(reason) => format!("ignore rule {}: {reason}", number + 1),
                    None => format!("ignore rule {}", number + 1),
                }
            }
            Hit::State(state) => {
                let option = match state {
                    FixState::Fixed if self.only_notfixed => "only-notfixed",
                    FixState::Fixed => "ignore-states",
                    _ if self.only_fixed => "only-fixed",
                    _ => "ignore-states",
                };
                format!("{option}: it is {}", state.word())
            }
            Hit::Headers => "a package of kernel headers, matched by the kernel".to_owned(),
        }
    }
}

/// The rules that Grype adds unless `match-upstream-kernel-headers` is set: `kernel-headers` of
/// `kernel` (rpm), `linux(-.*)?-headers-.*` of `linux.*` and `linux-libc-dev` of `linux` (deb).
fn is_kernel_headers(view: &View<'_>) -> bool {
    let package: &Package<'_> = &view.finding.at;
    let Some(source) = package.source else {
        return false;
    };
    match view.purl_type {
        "rpm" => package.name == "kernel-headers" && source == "kernel",
        "deb" => {
            (package.name == "linux-libc-dev" && source == "linux")
                || (source.starts_with("linux") && is_linux_headers(package.name))
        }
        _ => false,
    }
}

/// Whether `^linux(-.*)?-headers-.*$` matches.
fn is_linux_headers(name: &str) -> bool {
    name.strip_prefix("linux").is_some_and(|rest| {
        rest.starts_with("-headers-")
            || (rest.starts_with('-')
                && rest.get(1..).is_some_and(|rest| rest.contains("-headers-")))
    })
}

/// The policy that comes nearest.
pub fn to_policy(settings: &Settings) -> Translated<Policy> {
    let mut lost = Vec::new();
    let mut policy = Policy {
        name: Some("Grype".to_owned()),
        fixable_only: settings.only_fixed,
        ..Policy::default()
    };
    policy.fail_on = match settings.fail_on_severity {
        None | Some(Severity::Unknown) => Threshold::Never,
        Some(Severity::Negligible) => Threshold::Negligible,
        Some(Severity::Low) => Threshold::Low,
        Some(Severity::Medium) => Threshold::Medium,
        Some(Severity::High) => Threshold::High,
        Some(Severity::Critical) => Threshold::Critical,
    };
    let mut states = settings.ignore_states.clone();
    if settings.only_notfixed {
        states.push(FixState::Fixed);
    }
    for rule in &settings.ignore {
        let bare = IgnoreRule {
            fix_state: rule.fix_state.clone(),
            reason: rule.reason.clone(),
            ..IgnoreRule::default()
        };
        match FixState::parse(&rule.fix_state) {
            Some(state) if *rule == bare => states.push(state),
            _ => policy.exceptions.extend(exception(rule, &mut lost)),
        }
    }
    for status in Status::ALL {
        // Where Debian is an exception, the milder reading: what stays in fails.
        if states.contains(&FixState::of(status, "")) && !policy.ignore_statuses.contains(&status) {
            policy.ignore_statuses.push(status);
        }
    }
    let is_literal = |rule: &&IgnoreRule| !rule.vulnerability.is_empty() && !rule.include_aliases;
    if settings.ignore.iter().any(|rule| is_literal(&rule)) {
        lost.push(
            "a policy's exceptions always match aliases too, as include-aliases does".to_owned(),
        );
    }
    if settings.by_cve {
        lost.push("by-cve: a policy's exceptions match every id anyway".to_owned());
    }
    if !settings.match_upstream_kernel_headers {
        lost.push("kernel headers are not left out by a policy".to_owned());
    }
    if !settings.vex_documents.is_empty() || !settings.vex_add.is_empty() {
        lost.push("VEX documents are given to Lamina beside the policy".to_owned());
    }
    Translated {
        value: policy,
        lost,
    }
}

/// The exception that a rule is, unless a policy would let more through.
fn exception(rule: &IgnoreRule, lost: &mut Vec<String>) -> Option<Exception> {
    let label = match rule.vulnerability.as_str() {
        "" => format!("package {}", rule.package.name),
        id => id.to_owned(),
    };
    match try_exception(rule) {
        Ok(exception) => {
            if let (Some(package), true) =
                (&exception.package, rule.package.upstream_name.is_empty())
            {
                lost.push(format!(
                    "the rule for {label} also covers packages built from {package}: a policy does \
                     not tell them apart"
                ));
            }
            Some(exception)
        }
        Err(why) => {
            lost.push(format!("the rule for {label} is left out: {why}"));
            None
        }
    }
}

fn try_exception(rule: &IgnoreRule) -> Result<Exception, String> {
    let package = &rule.package;
    for (field, name) in [
        (&rule.vex_status, "rules about statuses of VEX"),
        (&rule.namespace, "namespace"),
        (&rule.fix_state, "fix-state of single findings"),
        (&rule.match_type, "match-type"),
        (&package.language, "language"),
    ] {
        if !field.is_empty() {
            return Err(format!("a policy has no {name}"));
        }
    }
    let pattern = |text: &str| -> Result<Option<Pattern>, String> {
        text.parse()
            .map(Some)
            .map_err(|error: crate::PatternError| error.to_string())
    };
    let name = match is_expression(&package.name) {
        true => regex_to_glob(&package.name)
            .ok_or_else(|| "a policy has no expressions of this kind".to_owned())?,
        false => package.name.clone(),
    };
    let mut exception = Exception {
        id: Some(rule.vulnerability.clone()).filter(|id| !id.is_empty()),
        reason: Some(rule.reason.clone()).filter(|reason| !reason.is_empty()),
        ..Exception::default()
    };
    if !package.kind.is_empty() || !package.version.is_empty() {
        // A purl says type, name and version at once, if all are plain and the type is a language's.
        let kind = purl_type_of(&package.kind).filter(|kind| !is_os(kind) && *kind != "maven");
        let kind = kind
            .filter(|_| !name.is_empty() && !is_pattern(&name) && !is_pattern(&package.version));
        let kind =
            kind.ok_or("a policy has type and version only in purls of language packages")?;
        let version = match package.version.as_str() {
            "" => String::new(),
            version => format!("@{version}"),
        };
        let name = name.replace('@', "%40");
        exception.purl = pattern(&format!("pkg:{kind}/{name}{version}"))?;
    } else if !name.is_empty() {
        exception.package = pattern(&name)?;
    }
    if !package.upstream_name.is_empty() {
        if exception.package.is_some() || is_expression(&package.upstream_name) {
            return Err("a policy has one name, of the package or its source".to_owned());
        }
        exception.package = pattern(&package.upstream_name)?;
    }
    if !package.location.is_empty() {
        Glob::new(&package.location)?;
        exception.path = pattern(package.location.trim_start_matches('/'))?;
    }
    if exception.says_nothing() {
        return Err("without conditions it ignores nothing".to_owned());
    }
    Ok(exception)
}

/// The purl type of a package type that names one.
fn purl_type_of(kind: &str) -> Option<&str> {
    Some(match kind {
        "" => return None,
        "python" => "pypi",
        "java-archive" => "maven",
        "go-module" => "golang",
        "rust-crate" => "cargo",
        "dotnet" => "nuget",
        "php-composer" => "composer",
        "npm" | "gem" | "deb" | "rpm" | "apk" | "alpm" | "swift" | "hex" | "conan" => kind,
        "dart-pub" => "pub",
        _ => return None,
    })
}

/// The settings that come nearest to a policy.
pub fn from_policy(policy: &Policy, now: Timestamp) -> Translated<Settings> {
    let mut lost = Vec::new();
    let mut settings = Settings {
        fail_on_severity: policy.fail_on.severity(),
        only_fixed: policy.fixable_only,
        // The kernel's headers count in a policy.
        match_upstream_kernel_headers: true,
        ..Settings::default()
    };
    if policy.unknown_severity == Choice::Fail {
        lost.push("Grype never fails on findings of unknown severity".to_owned());
    }
    // A state is ignored only if all that it stands for is.
    for state in FixState::ALL {
        let statuses = Status::ALL
            .into_iter()
            .filter(|status| FixState::of(*status, "") == state);
        let (out, kept): (Vec<Status>, Vec<Status>) =
            statuses.partition(|status| policy.ignore_statuses.contains(status));
        if kept.is_empty() && !out.is_empty() {
            settings.ignore_states.push(state);
        } else {
            lost.extend(out.iter().map(|status| {
                format!(
                    "Grype does not tell {} from what else is {}: it counts",
                    status.words(),
                    state.word()
                )
            }));
        }
    }
    policy_loss(policy, "Grype", &[], &mut lost);
    if policy.exceptions_expire.is_some() && !policy.exceptions.is_empty() {
        let is_over = policy
            .exceptions_expire
            .as_ref()
            .is_some_and(|expiry| now >= expiry.end());
        if is_over {
            lost.push("all exceptions are expired and left out".to_owned());
            return Translated {
                value: settings,
                lost,
            };
        }
        lost.push("Grype's rules do not expire: the end of all exceptions is lost".to_owned());
    }
    for exception in &policy.exceptions {
        if is_only_ours(exception, "Grype", &mut lost) {
            continue;
        }
        let label = exception.label();
        if exception.is_expired(now) {
            lost.push(format!("the exception for {label} is expired and left out"));
            continue;
        }
        let rules = rules_of(exception, &mut lost);
        if let (Some(expiry), false) = (&exception.expires, rules.is_empty()) {
            lost.push(format!(
                "the exception for {label} does not expire in Grype: take it out after {expiry}"
            ));
        }
        settings.ignore.extend(rules);
    }
    Translated {
        value: settings,
        lost,
    }
}

/// The rules that an exception is: two where a name may be the package's or its source's.
fn rules_of(exception: &Exception, lost: &mut Vec<String>) -> Vec<IgnoreRule> {
    let mut rule = IgnoreRule {
        vulnerability: exception.id.as_deref().map(as_written).unwrap_or_default(),
        reason: exception.reason.clone().unwrap_or_default(),
        ..IgnoreRule::default()
    };
    rule.include_aliases = !rule.vulnerability.is_empty();
    if let Some(path) = &exception.path {
        rule.package.location = format!("/{}", path.as_str().trim_start_matches('/'));
    }
    if let Some(purl) = &exception.purl {
        match package_of(purl.as_str()) {
            Some(package) => {
                rule.package = IgnorePackage {
                    location: rule.package.location,
                    ..package
                };
            }
            None => {
                lost.push(left_out(
                    exception,
                    "Grype",
                    &format!("compare the purl {purl}"),
                ));
                return Vec::new();
            }
        }
    }
    let Some(pattern) = &exception.package else {
        return vec![rule];
    };
    let text = pattern.as_str();
    let name = match is_expression(text) {
        true => glob_to_regex(text),
        false => Some(text.to_owned()),
    };
    let Some(name) = name.filter(|_| rule.package.name.is_empty()) else {
        lost.push(left_out(
            exception,
            "Grype",
            &format!("compare names with {text}"),
        ));
        return Vec::new();
    };
    if !text.contains(':') {
        lost.push(format!(
            "the exception for {text} also covers artifacts of that name: Grype names Java's packages \
             without their group"
        ));
    }
    let mut of_source = rule.clone();
    rule.package.name.clone_from(&name);
    of_source.package.upstream_name = name;
    vec![rule, of_source]
}

/// A package as a purl without patterns and qualifiers names it.
fn package_of(purl: &str) -> Option<IgnorePackage> {
    if is_pattern(purl) {
        return None;
    }
    let parsed = Purl::parse(purl).ok().filter(|purl| !purl.has_more())?;
    // A group of Maven's, and a distribution, are in no field of a rule.
    let is_whole = parsed.ty != "maven" && !is_os(&parsed.ty);
    let name = match parsed.namespace.as_str() {
        "" => parsed.name.clone(),
        namespace => format!("{namespace}/{}", parsed.name),
    };
    (is_whole && !is_expression(&name)).then(|| IgnorePackage {
        name,
        kind: package_type(&parsed.ty).to_owned(),
        version: parsed.version,
        ..IgnorePackage::default()
    })
}

/// A `.grype.yaml`, and the command that goes with it.
pub fn export(settings: &Settings, image: &str) -> Export {
    let mut text = String::new();
    if let Some(severity) = settings.fail_on_severity {
        text.push_str(&format!("fail-on-severity: {}\n", severity.word()));
    }
    for (name, is_set) in [
        ("only-fixed", settings.only_fixed),
        ("only-notfixed", settings.only_notfixed),
        ("by-cve", settings.by_cve),
        (
            "match-upstream-kernel-headers",
            settings.match_upstream_kernel_headers,
        ),
    ] {
        if is_set {
            text.push_str(&format!("{name}: true\n"));
        }
    }
    let states: Vec<&str> = settings
        .ignore_states
        .iter()
        .map(|state| state.word())
        .collect();
    if !states.is_empty() {
        // The option is `--ignore-states`; its name in files is the older one.
        text.push_str(&format!("ignore-wontfix: {}\n", quoted(&states.join(","))));
    }
    for (name, list) in [
        ("vex-documents", &settings.vex_documents),
        ("vex-add", &settings.vex_add),
    ] {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().map(|one| quoted(one)).collect();
            text.push_str(&format!("{name}: [{}]\n", list.join(", ")));
        }
    }
    if !settings.ignore.is_empty() {
        text.push_str("ignore:\n");
        for rule in &settings.ignore {
            write_rule(rule, &mut text);
        }
    }
    if text.is_empty() {
        text.push_str("{}\n");
    }
    let mut command = "grype --config .grype.yaml".to_owned();
    if let Some(severity) = settings.fail_on_severity {
        command.push_str(&format!(" --fail-on {}", severity.word()));
    }
    if settings.only_fixed {
        command.push_str(" --only-fixed");
    }
    if settings.only_notfixed {
        command.push_str(" --only-notfixed");
    }
    if !states.is_empty() {
        command.push_str(&format!(" --ignore-states {}", states.join(",")));
    }
    if settings.by_cve {
        command.push_str(" --by-cve");
    }
    command.push(' ');
    command.push_str(&image_word(image));
    Export {
        files: vec![ExportFile {
            name: ".grype.yaml",
            text,
        }],
        command,
        lost: Vec::new(),
    }
}

fn write_rule(rule: &IgnoreRule, text: &mut String) {
    let mut lines = Vec::new();
    let mut field = |indent: &str, name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{indent}{name}: {}", scalar(value)));
        }
    };
    field("", "vulnerability", &rule.vulnerability);
    field("", "reason", &rule.reason);
    field("", "namespace", &rule.namespace);
    field("", "fix-state", &rule.fix_state);
    field("", "match-type", &rule.match_type);
    field("", "vex-status", &rule.vex_status);
    field("", "vex-justification", &rule.vex_justification);
    if rule.include_aliases {
        lines.push("include-aliases: true".to_owned());
    }
    if !rule.package.is_empty() {
        lines.push("package:".to_owned());
        let package = &rule.package;
        let mut field = |name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("  {name}: {}", scalar(value)));
            }
        };
        field("name", &package.name);
        field("version", &package.version);
        field("language", &package.language);
        field("type", &package.kind);
        field("location", &package.location);
        field("upstream-name", &package.upstream_name);
    }
    if lines.is_empty() {
        lines.push("{}".to_owned());
    }
    for (number, line) in lines.iter().enumerate() {
        text.push_str(if number == 0 { "  - " } else { "    " });
        text.push_str(line);
        text.push('\n');
    }
}

/// What is read of a `.grype.yaml`; other fields are passed over, as Grype passes over what it does
/// not know.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Document {
    fail_on_severity: Option<String>,
    only_fixed: Option<bool>,
    only_notfixed: Option<bool>,
    ignore_wontfix: Option<String>,
    ignore_states: Option<serde::de::IgnoredAny>,
    by_cve: Option<bool>,
    match_upstream_kernel_headers: Option<bool>,
    vex_documents: Option<Vec<String>>,
    vex_add: Option<Vec<String>>,
    ignore: Option<Vec<Option<IgnoreRule>>>,
}

/// Reads a `.grype.yaml`.
///
/// # Errors
/// When it is no YAML of that shape, or has a severity or fix state that Grype refuses.
pub fn read(text: &str) -> Result<Translated<Settings>, ImportError> {
    check_size(text)?;
    let mut lost = Vec::new();
    if text.trim().is_empty() {
        return Ok(Translated::default());
    }
    let document: Option<Document> = shared::read_yaml(text)?;
    let document = document.unwrap_or_default();
    let ignore = document.ignore.unwrap_or_default();
    let ignore: Vec<IgnoreRule> = ignore.into_iter().map(Option::unwrap_or_default).collect();
    check_rules(&ignore)?;
    let place = |word: &str| text.find(word).unwrap_or(0);
    let fail_on_severity = match document.fail_on_severity.as_deref() {
        None | Some("") => None,
        Some(word) => match Severity::WORST_FIRST
            .into_iter()
            .find(|severity| severity.word().eq_ignore_ascii_case(word))
        {
            Some(severity) if severity != Severity::Unknown => Some(severity),
            _ => {
                let message = format!("bad --fail-on severity value '{}'", cut(word));
                return Err(ImportError::at(text, place("fail-on-severity"), message));
            }
        },
    };
    let mut ignore_states = Vec::new();
    let listed = document.ignore_wontfix.unwrap_or_default();
    for word in listed
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let Some(state) = FixState::parse(word) else {
            let word = cut(word);
            let message = format!("unknown fix state {word} was supplied for --ignore-states");
            return Err(ImportError::at(text, place("ignore-wontfix"), message));
        };
        if !ignore_states.contains(&state) {
            ignore_states.push(state);
        }
    }
    if document.ignore_states.is_some() {
        lost.push(
            "ignore-states is passed over: in files the option is called ignore-wontfix".to_owned(),
        );
    }
    for (number, rule) in ignore.iter().enumerate() {
        let number = number + 1;
        let ready = Ready::new(rule);
        if !ready.works && rule.vex_status.is_empty() {
            lost.push(format!(
                "rule {number} ignores nothing: it has no condition, or one that cannot be read"
            ));
        }
    }
    for status in document.vex_add.iter().flatten() {
        if !matches!(status.as_str(), "affected" | "under_investigation") {
            let message = format!("invalid VEX status in vex-add setting: {}", cut(status));
            return Err(ImportError::at(text, place("vex-add"), message));
        }
    }
    Ok(Translated {
        value: Settings {
            fail_on_severity,
            only_fixed: document.only_fixed.unwrap_or_default(),
            only_notfixed: document.only_notfixed.unwrap_or_default(),
            ignore_states,
            by_cve: document.by_cve.unwrap_or_default(),
            match_upstream_kernel_headers: document
                .match_upstream_kernel_headers
                .unwrap_or_default(),
            vex_documents: document.vex_documents.unwrap_or_default(),
            vex_add: document.vex_add.unwrap_or_default(),
            ignore,
        },
        lost,
    })
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Preset for Grype {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "Grype"
    }

    fn about(&self) -> &'static str {
        "The command ends with exit code 2"
    }

    fn files(&self) -> &'static [&'static str] {
        &[".grype.yaml"]
    }

    fn settings(&self, policy: &Policy, now: Timestamp) -> Translated<super::Settings> {
        from_policy(policy, now).map(super::Settings::Grype)
    }
}
