//! Checks of the files, in one pass over the tree.

use std::collections::BTreeMap;

use lamina_image::tree::{MergedEntry, MergedNode, TreeKind};

use super::{Cx, Rule, rule};
use crate::{
    accounts::OwnerClass,
    config::{ConfigIssue, last_copy},
    limits::{MAX_FILES_PER_RULE, MAX_NAMES_TOGETHER},
    merge::Package,
    severity::Severity,
};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o002;

/// Programs that distributions give the bits to: users, terminals and mounts cannot do without.
const EXPECTED: &[&[u8]] = &[
    b"at",
    b"bbsuid",
    b"chage",
    b"chfn",
    b"chsh",
    b"crontab",
    b"dbus-daemon-launch-helper",
    b"expiry",
    b"fusermount",
    b"fusermount3",
    b"gpasswd",
    b"locate",
    b"mlocate",
    b"mount",
    b"mount.nfs",
    b"newgidmap",
    b"newgrp",
    b"newuidmap",
    b"pam_timestamp_check",
    b"passwd",
    b"ping",
    b"ping6",
    b"pkexec",
    b"plocate",
    b"polkit-agent-helper-1",
    b"ssh-agent",
    b"ssh-keysign",
    b"su",
    b"sudo",
    b"sudoedit",
    b"traceroute6.iputils",
    b"umount",
    b"unix_chkpwd",
    b"unix2_chkpwd",
    b"userhelper",
    b"utempter",
    b"wall",
    b"write",
    b"write.ul",
];

const SHELLS: &[&[u8]] = &[
    b"sh", b"ash", b"bash", b"dash", b"ksh", b"zsh", b"fish", b"busybox",
];

/// Those that fetch. `dpkg` and `rpm` are applets of BusyBox too.
const PACKAGE_MANAGERS: &[&[u8]] = &[
    b"apk",
    b"apt",
    b"apt-get",
    b"dnf",
    b"dnf5",
    b"gem",
    b"microdnf",
    b"npm",
    b"opkg",
    b"pacman",
    b"pip",
    b"pip3",
    b"tdnf",
    b"yum",
    b"zypper",
];

/// Runs them.
pub(crate) fn check(cx: Cx<'_>, issues: &mut Vec<ConfigIssue>) {
    let mut files = Files {
        cx,
        issues,
        counts: BTreeMap::new(),
        together: BTreeMap::new(),
        writable: vec![false; cx.tree.node_count()],
        caches: BTreeMap::new(),
    };
    // Parents come before their children.
    for node in cx.tree.nodes() {
        if looks_like_private_key(node.name()) {
            files.private_key(&node);
        }
        // Of a hard link the file itself tells.
        let kind = node.kind();
        if !matches!(
            kind,
            Some(TreeKind::File | TreeKind::Directory | TreeKind::Symlink | TreeKind::HardLink)
        ) {
            continue;
        }
        let Some(entry) = node.entry() else { continue };
        files.modes(&node, &entry);
        files.programs(&node, &entry);
        files.cache(&node, &entry);
    }
    files.packages();
    files.finish();
}

/// What is told of together: by rule, severity and layer.
type Group = (&'static str, Severity, usize);

struct Files<'a, 'i> {
    cx: Cx<'a>,
    issues: &'i mut Vec<ConfigIssue>,
    /// By rule, how many files were told of one by one.
    counts: BTreeMap<&'static str, usize>,
    /// Files that belong together: the nodes of the first, and how many there are.
    together: BTreeMap<Group, (Vec<MergedNode<'a>>, usize)>,
    /// By node: a directory that everybody may write to, told of already.
    writable: Vec<bool>,
    /// By layer, the first file and the bytes of all.
    caches: BTreeMap<usize, (MergedNode<'a>, u64)>,
}

impl<'a> Files<'a, '_> {
    fn issue(
        &mut self,
        rule: &'static Rule,
        node: &MergedNode<'_>,
        layer: usize,
    ) -> &mut ConfigIssue {
        self.issues.push(ConfigIssue {
            rule: rule.id,
            title: rule.title,
            severity: rule.severity,
            advice: rule.advice,
            layer: Some(layer),
            file: Some(node.path()),
            removed_in: None,
            config: None,
            excerpt: None,
        });
        let last = self.issues.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.issues[last]
    }

    /// One file by itself, unless the rule has had its share.
    fn tell(
        &mut self,
        id: &'static str,
        severity: Severity,
        node: &MergedNode<'a>,
        layer: usize,
        excerpt: Option<String>,
    ) {
        let Some(rule) = rule(id) else { return };
        let count = self.counts.entry(id).or_default();
        *count += 1;
        if *count > MAX_FILES_PER_RULE {
            self.tell_together(id, severity, node, layer);
            return;
        }
        let issue = self.issue(rule, node, layer);
        issue.severity = severity;
        issue.excerpt = excerpt;
    }

    fn tell_together(
        &mut self,
        id: &'static str,
        severity: Severity,
        node: &MergedNode<'a>,
        layer: usize,
    ) {
        let (first, count) = self.together.entry((id, severity, layer)).or_default();
        *count += 1;
        if first.len() < MAX_NAMES_TOGETHER {
            first.push(*node);
        }
    }

    fn modes(&mut self, node: &MergedNode<'a>, entry: &MergedEntry<'_>) {
        let is_directory = entry.kind.is_directory();
        if !is_directory && entry.kind != TreeKind::File {
            return;
        }
        for (bit, id) in [(SETUID, "setuid-file"), (SETGID, "setgid-file")] {
            // On a directory setgid says who owns new files, and setuid nothing. Without a right to
            // run it the bit has no effect.
            if is_directory || entry.mode & bit == 0 || entry.mode & 0o111 == 0 {
                continue;
            }
            let is_distributions = self.cx.inventory.owners.class(node) == OwnerClass::Os;
            if EXPECTED.contains(&node.name()) && is_in_system_directory(node) {
                self.tell_together(id, Severity::Negligible, node, entry.layer);
                continue;
            }
            let severity = match is_distributions {
                true => Severity::Low,
                false => Severity::Medium,
            };
            let excerpt = format!(
                "mode {:o}, owner {}, group {}",
                entry.mode, entry.uid, entry.gid
            );
            self.tell(id, severity, node, entry.layer, Some(excerpt));
        }
        let is_writable =
            entry.mode & WRITABLE_BY_OTHERS != 0 && !(is_directory && entry.mode & STICKY != 0);
        let parent = node.parent().map_or(0, |parent| parent.id());
        let is_within = self
            .writable
            .get(parent as usize)
            .copied()
            .unwrap_or_default();
        if is_directory
            && (is_writable || is_within)
            && let Some(slot) = self.writable.get_mut(node.id() as usize)
        {
            *slot = true;
        }
        // What lies in a directory that was told of is no news: it can be replaced anyway.
        if is_writable && !is_within {
            let excerpt = format!("mode {:o}", entry.mode);
            let is_program = !is_directory && entry.mode & 0o111 != 0;
            let severity = match is_program || (is_directory && is_in_system_directory(node)) {
                true => Severity::Medium,
                false => Severity::Low,
            };
            self.tell(
                "world-writable-path",
                severity,
                node,
                entry.layer,
                Some(excerpt),
            );
        }
    }

    /// Keys in lower layers can be read too.
    fn private_key(&mut self, node: &MergedNode<'a>) {
        let Some((layer, removed_in)) = last_copy(node) else {
            return;
        };
        let Some(entry) = node.entry_at(layer) else {
            return;
        };
        if entry.kind != TreeKind::File || entry.size == 0 || is_example(node) {
            return;
        }
        let is_host_key = node.name().starts_with(b"ssh_host_");
        let excerpt =
            is_host_key.then(|| "every container of the image has the same host key".to_owned());
        let before = self.issues.len();
        self.tell("private-key-file", Severity::High, node, layer, excerpt);
        if let Some(issue) = self.issues.get_mut(before) {
            issue.removed_in = removed_in;
        }
    }

    fn programs(&mut self, node: &MergedNode<'a>, entry: &MergedEntry<'_>) {
        let name = node.name();
        let is_program = entry.kind != TreeKind::Directory && is_in_binary_directory(node);
        if !is_program {
            return;
        }
        if SHELLS.contains(&name) {
            self.tell_together("shell-present", Severity::Negligible, node, entry.layer);
        }
        if PACKAGE_MANAGERS.contains(&name) {
            self.tell_together(
                "package-manager-present",
                Severity::Negligible,
                node,
                entry.layer,
            );
        }
        // Installed without a package; with one the package is told of.
        let is_owned = self.cx.inventory.owners.class(node) == OwnerClass::Os;
        if !is_owned && name == b"sudo" {
            self.tell("sudo-installed", Severity::Low, node, entry.layer, None);
        }
        if !is_owned && (name == b"sshd" || name == b"dropbear") {
            self.tell(
                "ssh-server-installed",
                Severity::Medium,
                node,
                entry.layer,
                None,
            );
        }
    }

    fn packages(&mut self) {
        for package in &self.cx.inventory.packages {
            let Package { fact, .. } = package;
            if !fact.kind.is_os() {
                continue;
            }
            let id = match fact.name.as_str() {
                "sudo" => "sudo-installed",
                "openssh-server" | "dropbear" | "dropbear-bin" | "tinysshd" => {
                    "ssh-server-installed"
                }
                _ => continue,
            };
            let Some(rule) = rule(id) else { continue };
            self.issues.push(ConfigIssue {
                rule: rule.id,
                title: rule.title,
                severity: rule.severity,
                advice: rule.advice,
                layer: Some(package.introduced_in),
                file: Some(fact.file.clone()),
                removed_in: None,
                config: None,
                excerpt: Some(format!("{} {}", fact.name, fact.version)),
            });
        }
    }

    fn cache(&mut self, node: &MergedNode<'a>, entry: &MergedEntry<'_>) {
        if entry.kind != TreeKind::File || entry.size == 0 {
            return;
        }
        // Two directories up is enough to pass by nearly all files.
        let Some(parent) = node.parent() else { return };
        let is_named = |name: &[u8]| {
            matches!(
                name,
                b"lists" | b"archives" | b"apk" | b"yum" | b"dnf" | b"zypp" | b"pkg" | b"libdnf5"
            )
        };
        let mut above = Some(parent);
        let mut is_cache = false;
        for _ in 0..6 {
            let Some(directory) = above else { break };
            if is_named(directory.name()) {
                let path = directory.path();
                is_cache = matches!(
                    path.as_bytes(),
                    b"var/lib/apt/lists"
                        | b"var/cache/apt/archives"
                        | b"var/cache/apk"
                        | b"var/cache/yum"
                        | b"var/cache/dnf"
                        | b"var/cache/libdnf5"
                        | b"var/cache/zypp"
                        | b"var/cache/pacman/pkg"
                );
            }
            if is_cache {
                break;
            }
            above = directory.parent();
        }
        if is_cache {
            let (_, bytes) = self.caches.entry(entry.layer).or_insert((*node, 0));
            *bytes = bytes.saturating_add(entry.size);
        }
    }

    fn finish(mut self) {
        for ((id, severity, layer), (first, count)) in std::mem::take(&mut self.together) {
            let mut named: Vec<(String, MergedNode<'a>)> = first
                .iter()
                .map(|node| (node.path().to_string(), *node))
                .collect();
            named.sort_by(|(a, _), (b, _)| a.cmp(b));
            let (Some(rule), Some((_, node))) = (rule(id), named.first()) else {
                continue;
            };
            let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
            let mut excerpt = names.join(", ");
            if count > names.len() {
                excerpt.push_str(&format!(" and {} more", count - names.len()));
            }
            let issue = self.issue(rule, node, layer);
            issue.severity = severity;
            issue.excerpt = Some(excerpt);
        }
        for (layer, (node, bytes)) in std::mem::take(&mut self.caches) {
            // Lock files and the like are left by everybody.
            const WORTH_TELLING: u64 = 64 << 10;
            if let Some(rule) = rule("package-cache-left").filter(|_| bytes >= WORTH_TELLING) {
                self.issue(rule, &node, layer).excerpt = Some(format!("{bytes} bytes"));
            }
        }
    }
}

/// Names that nothing but a private key has. `*.pem` and `*.key` are mostly certificates and public
/// keys; the analyser of secrets looks into them.
fn looks_like_private_key(name: &[u8]) -> bool {
    matches!(
        name,
        b"id_rsa"
            | b"id_dsa"
            | b"id_ecdsa"
            | b"id_ed25519"
            | b"id_ecdsa_sk"
            | b"id_ed25519_sk"
            | b"privkey.pem"
    ) || name.ends_with(b".ppk")
        || (name.starts_with(b"ssh_host_") && name.ends_with(b"_key"))
}

/// Keys of tests and examples open nothing.
fn is_example(node: &MergedNode<'_>) -> bool {
    let path = node.path();
    let mut names = path.as_bytes().split(|byte| *byte == b'/');
    names.any(|name| {
        matches!(
            name,
            b"test"
                | b"tests"
                | b"testdata"
                | b"example"
                | b"examples"
                | b"fixtures"
                | b"doc"
                | b"docs"
                | b"__tests__"
        )
    })
}

fn is_in_binary_directory(node: &MergedNode<'_>) -> bool {
    let Some(parent) = node.parent() else {
        return false;
    };
    // A look at the name spares the path for nearly all files.
    matches!(parent.name(), b"bin" | b"sbin")
        && matches!(
            parent.path().as_bytes(),
            b"bin" | b"sbin" | b"usr/bin" | b"usr/sbin" | b"usr/local/bin" | b"usr/local/sbin"
        )
}

fn is_in_system_directory(node: &MergedNode<'_>) -> bool {
    let path = node.path();
    let mut names = path.as_bytes().split(|byte| *byte == b'/');
    let first = names.next().unwrap_or_default();
    let second = names.next().unwrap_or_default();
    let is_of = |name: &[u8]| matches!(name, b"bin" | b"sbin" | b"lib" | b"lib64" | b"libexec");
    is_of(first) || (first == b"usr" && is_of(second)) || first == b"etc"
}

#[cfg(test)]
mod tests {
    use lamina_testkit::layer;

    use super::*;
    use crate::config::tests::check_files;

    #[test]
    fn expected_programs_with_special_rights_are_told_together() {
        let names = [
            "usr/bin/su",
            "usr/bin/mount",
            "usr/bin/umount",
            "usr/bin/passwd",
            "bin/ping",
            "usr/bin/chsh",
        ];
        let base = names
            .iter()
            .fold(layer(), |layer, name| layer.mode(0o4755).file(name, "x"));
        let own = layer()
            .mode(0o4755)
            .file("opt/helper", "x")
            .mode(0o4755)
            .file("opt/su", "x")
            .mode(0o4644)
            .file("opt/not-a-program", "x")
            .mode(0o4755)
            .directory("opt/directory")
            .mode(0o2755)
            .file("usr/bin/wall", "x");
        check_files(
            "setuid-file",
            vec![base, own],
            &[
                "1 opt/helper medium: mode 4755, owner 0, group 0",
                "1 opt/su medium: mode 4755, owner 0, group 0",
                "0 bin/ping negligible: bin/ping, usr/bin/chsh, usr/bin/mount, usr/bin/passwd, usr/bin/su and 1 more",
            ],
        );
        let layers = vec![layer().mode(0o2755).file("usr/bin/wall", "x")];
        check_files(
            "setgid-file",
            layers,
            &["0 usr/bin/wall negligible: usr/bin/wall"],
        );
    }

    #[test]
    fn many_files_are_told_of_together() {
        let count = MAX_FILES_PER_RULE + 9;
        let many = (0..count).fold(layer(), |layer, number| {
            layer.mode(0o4755).file(&format!("opt/{number:03}"), "x")
        });
        let mut expect: Vec<String> = (0..MAX_FILES_PER_RULE)
            .map(|number| format!("0 opt/{number:03} medium: mode 4755, owner 0, group 0"))
            .collect();
        expect.push(
            "0 opt/020 medium: opt/020, opt/021, opt/022, opt/023, opt/024 and 4 more".to_owned(),
        );
        expect.sort();
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        check_files("setuid-file", vec![many], &expect);
    }

    #[test]
    fn what_everybody_may_write_to_is_told_once() {
        let files = layer()
            .mode(0o1777)
            .directory("tmp")
            .mode(0o666)
            .file("tmp/a", "x")
            .mode(0o777)
            .directory("app")
            .mode(0o777)
            .directory("app/sub")
            .mode(0o666)
            .file("app/sub/b", "x")
            .mode(0o666)
            .file("etc/c", "x")
            .mode(0o777)
            .file("run.sh", "x")
            .mode(0o777)
            .symlink("link", "run.sh");
        check_files(
            "world-writable-path",
            vec![files],
            &[
                "0 run.sh medium: mode 777",
                "0 app low: mode 777",
                "0 etc/c low: mode 666",
                "0 tmp/a low: mode 666",
            ],
        );
    }

    #[test]
    fn keys_in_lower_layers_are_found() {
        check_files(
            "private-key-file",
            vec![
                layer()
                    .file("root/.ssh/id_rsa", "x")
                    .file("root/.ssh/id_rsa.pub", "x")
                    .file("etc/ssh/ssh_host_rsa_key", "x")
                    .file("usr/lib/node_modules/a/test/id_rsa", "x")
                    .file("empty/id_rsa", "")
                    .file("etc/ssl/cert.pem", "x"),
                layer().whiteout("root/.ssh"),
            ],
            &[
                "0 etc/ssh/ssh_host_rsa_key high: every container of the image has the same host key",
                "0 root/.ssh/id_rsa until 1 high",
            ],
        );
    }

    #[test]
    fn shells_package_managers_and_servers() {
        let files = layer()
            .file("bin/busybox", "x")
            .symlink("bin/sh", "busybox")
            .file("usr/bin/apt-get", "x")
            .file("opt/bin/sh", "x")
            .file("usr/sbin/sshd", "x")
            .file("usr/bin/sudo", "x");
        check_files("shell-present", vec![layer().file("opt/sh", "x")], &[]);
        check_files(
            "shell-present",
            vec![files],
            &["0 bin/busybox negligible: bin/busybox, bin/sh"],
        );
        check_files(
            "package-manager-present",
            vec![layer().file("usr/bin/apt-get", "x")],
            &["0 usr/bin/apt-get negligible: usr/bin/apt-get"],
        );
        check_files(
            "ssh-server-installed",
            vec![layer().file("usr/sbin/sshd", "x")],
            &["0 usr/sbin/sshd medium"],
        );
        check_files(
            "sudo-installed",
            vec![layer().file("usr/bin/sudo", "x")],
            &["0 usr/bin/sudo low"],
        );
    }

    #[test]
    fn caches_are_told_with_their_size() {
        let list =
            "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4";
        let layers = || {
            vec![
                layer().file("var/lib/apt/lists/lock", "x"),
                layer()
                    .file(list, vec![b'x'; 100_000])
                    .file("var/cache/apk/APKINDEX.1.tar.gz", "01"),
            ]
        };
        check_files(
            "package-cache-left",
            layers(),
            &["1 var/cache/apk/APKINDEX.1.tar.gz negligible: 100002 bytes"],
        );
    }
}
