//! Ignore files, each with what a real Trivy (0.76.0, `trivy convert`) leaves out of one report.
//!
//! With `LAMINA_TRIVY` set to a Trivy program, the table is asked of that program again.

use std::process::Command;

use lamina_inventory::{facts::IssueKind, severity::Severity};
use lamina_policy::{
    Subject,
    presets::{Settings, read, trivy::Scanner},
};

use super::{Rows, issue, now, subject};

const PLAIN: &str = ".trivyignore";
const YAML: &str = ".trivyignore.yaml";

/// The findings of the report, in Trivy's words; `REPORT` has the same.
fn image() -> Subject<'static> {
    let mut subject = subject(&[
        "CVE-1 high affected ns=debian:12.2 purl=pkg:deb/debian/openssl@3.0.11?arch=amd64&distro=debian-12.2",
        "CVE-2 unknown affected ns=debian:12.2 pkg=bash@5 purl=pkg:deb/debian/bash@5?arch=amd64",
        "CVE-3 critical affected ns=npm pkg=left-pad@1.0.0 type=npm file=app/node_modules/left-pad/package.json",
        "GHSA-aaaa-bbbb-cccc low affected ns=npm pkg=@scope/x@2.0.0 type=npm file=app/node_modules/@scope/x/package.json",
    ]);
    subject.image.name = "shop/api:1";
    subject.issues = vec![
        issue(
            IssueKind::Secret,
            "aws-access-key-id",
            Severity::Critical,
            Some("app/.env"),
        ),
        issue(
            IssueKind::Misconfiguration,
            "DS002",
            Severity::High,
            Some("Dockerfile"),
        ),
        issue(
            IssueKind::Licence,
            "GPL-3.0-only AND MIT",
            Severity::High,
            Some(""),
        ),
    ];
    subject
}

const REPORT: &str = r#"{"SchemaVersion":2,"ArtifactName":"shop/api:1","ArtifactType":"container_image","Metadata":{"OS":{"Family":"debian","Name":"12.2"}},"Results":[
{"Target":"shop/api:1 (debian 12.2)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
{"VulnerabilityID":"CVE-1","PkgID":"openssl@3.0.11","PkgName":"openssl","InstalledVersion":"3.0.11","Severity":"HIGH","Status":"affected","PkgIdentifier":{"PURL":"pkg:deb/debian/openssl@3.0.11?arch=amd64&distro=debian-12.2"}},
{"VulnerabilityID":"CVE-2","PkgID":"bash@5","PkgName":"bash","InstalledVersion":"5","Severity":"UNKNOWN","Status":"affected","PkgIdentifier":{"PURL":"pkg:deb/debian/bash@5?arch=amd64"}}]},
{"Target":"Node.js","Class":"lang-pkgs","Type":"node-pkg","Vulnerabilities":[
{"VulnerabilityID":"CVE-3","PkgID":"left-pad@1.0.0","PkgName":"left-pad","InstalledVersion":"1.0.0","Severity":"CRITICAL","Status":"affected","PkgPath":"app/node_modules/left-pad/package.json","PkgIdentifier":{"PURL":"pkg:npm/left-pad@1.0.0"}},
{"VulnerabilityID":"GHSA-aaaa-bbbb-cccc","PkgID":"@scope/x@2.0.0","PkgName":"@scope/x","InstalledVersion":"2.0.0","Severity":"LOW","Status":"affected","PkgPath":"app/node_modules/@scope/x/package.json","PkgIdentifier":{"PURL":"pkg:npm/%40scope/x@2.0.0"}}]},
{"Target":"/app/.env","Class":"secret","Secrets":[{"RuleID":"aws-access-key-id","Category":"AWS","Severity":"CRITICAL","Title":"AWS","StartLine":1,"EndLine":1,"Match":"x","Code":{"Lines":null}}]},
{"Target":"Dockerfile","Class":"config","Type":"dockerfile","Misconfigurations":[{"Type":"d","ID":"DS002","AVDID":"AVD-DS-0002","Title":"root","Severity":"HIGH","Status":"FAIL"}]},
{"Target":"OS Packages","Class":"license","Licenses":[{"Severity":"HIGH","Category":"restricted","PkgName":"x","FilePath":"","Name":"GPL-3.0-only AND MIT","Confidence":1,"Link":""}]}]}"#;

/// The names of the findings in the table, in the order of the subject's findings and issues.
const NAMES: [&str; 7] = [
    "CVE-1", "CVE-2", "CVE-3", "GHSA", "secret", "misconf", "licence",
];

/// Kind of file, its text, and the findings that Trivy leaves out; `error` where it refuses the file.
const ROWS: &[(&str, &str, &str)] = &[
    (YAML, "vulnerabilities:\n  - id: CVE-1\n", "CVE-1"),
    (YAML, "vulnerabilities:\n  - id: cve-1\n", ""),
    (
        YAML,
        "vulnerabilities:\n  - id: GHSA-aaaa-bbbb-cccc\n",
        "GHSA",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2020-01-01\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-1-1\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: '2099-01-01'\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: \"2099-01-01T00:00:00Z\"\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01 10:00:00\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01T10:00:00\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-1-1T1:2:3Z\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01 10:00:00Z\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01T10:00:00+02:00\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: soon\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: \n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: ~\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: null\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['app/**']\n  - id: CVE-3\n    paths: ['app/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['**']\n  - id: CVE-3\n    paths: ['**']\n",
        "CVE-1 CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['*']\n  - id: CVE-3\n    paths: ['*']\n",
        "CVE-1 CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['shop/api:1 (debian 12.2)']\n  - id: CVE-3\n    paths: ['shop/api:1 (debian 12.2)']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['**/package.json']\n  - id: CVE-3\n    paths: ['**/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['Node.js']\n  - id: CVE-3\n    paths: ['Node.js']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['[']\n  - id: CVE-3\n    paths: ['[']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['app/node_modules/left-pad/package.json/**']\n  - id: CVE-3\n    paths: ['app/node_modules/left-pad/package.json/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['!x']\n  - id: CVE-3\n    paths: ['!x']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['{a']\n  - id: CVE-3\n    paths: ['{a']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['shop/**']\n  - id: CVE-3\n    paths: ['shop/**']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['a\\']\n  - id: CVE-3\n    paths: ['a\\']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@1.0.0']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@2']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@1.0.0?x=y']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad#sub']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:NPM/left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/Left-Pad']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['left-pad']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['npm/left-pad']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/*']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['pkg:deb/debian/openssl']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['pkg:deb/openssl']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['pkg:deb/debian/openssl?arch=amd64']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['pkg:deb/debian/openssl?arch=arm64']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: ['pkg:deb/debian/openssl@3.0.11?distro=debian-12.2']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: GHSA-aaaa-bbbb-cccc\n    purls: ['pkg:npm/@scope/x']\n",
        "GHSA",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: GHSA-aaaa-bbbb-cccc\n    purls: ['pkg:npm/%40scope/x']\n",
        "GHSA",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: GHSA-aaaa-bbbb-cccc\n    purls: ['pkg:npm/%40scope/x@2.0.0']\n",
        "GHSA",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad']\n    paths: ['x']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/other', 'pkg:npm/left-pad']\n    paths: ['x','app/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    paths: ['/app/.env']\n",
        "secret",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    paths: ['app/.env']\n",
        "",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    paths: ['/app/*']\n",
        "secret",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    paths: ['**/.env']\n",
        "secret",
    ),
    (
        YAML,
        "misconfigurations:\n  - id: DS002\n    paths: [Dockerfile]\n",
        "misconf",
    ),
    (YAML, "licenses:\n  - id: MIT\n", ""),
    (
        YAML,
        "licenses:\n  - id: MIT\n  - id: GPL-3.0-only\n",
        "licence",
    ),
    (YAML, "licenses:\n  - id: GPL-3.0-only AND MIT\n", "licence"),
    (YAML, "licenses:\n  - id: GPL-3.0\n  - id: MIT\n", ""),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    purls: ['nonsense']\n",
        "error",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    purls: ['pkg:npm/x']\n",
        "secret",
    ),
    (
        YAML,
        "other: 1\nvulnerabilities:\n  - id: CVE-1\n    nonsense: 1\n",
        "CVE-1",
    ),
    (YAML, "vulnerabilities: CVE-1\n", "error"),
    (YAML, "vulnerabilities:\n  - CVE-1\n", "error"),
    (YAML, "", ""),
    (YAML, "[]", "error"),
    (YAML, "vulnerabilities:\n  - id: 1\n", ""),
    (YAML, "vulnerabilities:\n  - id: [a]\n", "error"),
    (YAML, "vulnerabilities:\n", ""),
    (YAML, "- x: [\n", "error"),
    (YAML, "a: 1\na: 2\n", "error"),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    id: CVE-2\n",
        "error",
    ),
    (YAML, "vulnerabilities:\n  - statement: x\n", ""),
    (YAML, "vulnerabilities:\n  - id:\n", ""),
    (
        YAML,
        "---\nvulnerabilities:\n  - id: CVE-1\n---\nvulnerabilities:\n  - id: CVE-2\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    statement: 5\n    paths:\n",
        "CVE-1",
    ),
    (YAML, "vulnerabilities: []\n", ""),
    (PLAIN, "CVE-1\n", "CVE-1"),
    (PLAIN, "CVE-1 exp:2099-01-01\n", "CVE-1"),
    (PLAIN, "CVE-1 exp:2020-01-01\n", ""),
    (PLAIN, "CVE-1 exp:2099-1-1\n", ""),
    (PLAIN, "CVE-1 exp:soon\nCVE-2\n", "CVE-2"),
    (PLAIN, "# CVE-1\n", ""),
    (PLAIN, "#CVE-1\nCVE-2 # note\n", "CVE-2"),
    (PLAIN, "  CVE-1\t\n", "CVE-1"),
    (PLAIN, "CVE-1 note exp:2020-01-01\n", ""),
    (PLAIN, "CVE-1 exp:2099-01-01 exp:2020-01-01\n", "CVE-1"),
    (PLAIN, "exp:2020-01-01\n", ""),
    (
        PLAIN,
        "aws-access-key-id\nDS002\nMIT\nGPL-3.0-only\n",
        "secret misconf licence",
    ),
    (PLAIN, "cve-1\n", ""),
    (PLAIN, "CVE-1,CVE-2\n", ""),
    (PLAIN, "\n\n\r\nCVE-1\r\n", "CVE-1"),
    (PLAIN, "CVE-1 exp:\n", ""),
    (PLAIN, "CVE-1exp:2020-01-01", ""),
    (PLAIN, "CVE-1 EXP:2020-01-01", "CVE-1"),
    (PLAIN, "exp:2020-01-01 x\n", ""),
    (PLAIN, "CVE-1\u{a0}exp:2020-01-01\n", ""),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/*/left-pad/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/*/*.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/**/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/{left,right}-pad/*']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pa[a-d]/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pa[^a-c]/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pa[!d]/package.json']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pad']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['/app/**']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left?pad/package.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules?left-pad/package.json']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['**/left-pad/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app**']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app**/package.json']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['**json']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pad/package\\.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['[a]pp/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['{app,b}/**']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['{app/**,b}']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/{**/package,x}.json']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['APP/**']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    paths: ['app/node_modules/left-pad/package.json ']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n  - id: CVE-1\n    statement: again\n",
        "CVE-1",
    ),
    (YAML, "vulnerabilities:\n  - id: \"CVE-1\"\n", "CVE-1"),
    (YAML, "vulnerabilities:\n  - id: 'CVE-1 '\n", ""),
    (YAML, "vulnerabilities:\n  - id: CVE-1 # note\n", "CVE-1"),
    (YAML, "vulnerabilities:\n  - id: !!str CVE-1\n", "CVE-1"),
    (
        YAML,
        "vulnerabilities:\n  - id: &a CVE-1\n  - id: *a\n",
        "CVE-1",
    ),
    (YAML, "vulnerabilities:\n  - id: >-\n      CVE-1\n", "CVE-1"),
    (YAML, "vulnerabilities:\n  - id: |\n      CVE-1\n", ""),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: !!str 2099-01-01\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-13-01\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-02-30\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01T10:00:00.123456789Z\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01t10:00:00z\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-1-1 1:2:3.5\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 20990101\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01T10:00:00-0200\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 0000-01-01\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099/01/01\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 1.5\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: true\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: [2099-01-01]\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2099-01-01 # c\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2026-01-01T00:00:00Z\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 0001-01-01\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 9999-12-31\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: 2020-01-01\n  - id: CVE-1\n    expired_at: 2099-01-01\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n  - id: CVE-2\n  - id: CVE-3\n  - id: GHSA-aaaa-bbbb-cccc\nsecrets:\n  - id: aws-access-key-id\nmisconfigurations:\n  - id: DS002\nlicenses:\n  - id: MIT\n  - id: GPL-3.0-only\n",
        "CVE-1 CVE-2 CVE-3 GHSA secret misconf licence",
    ),
    (YAML, "secrets:\n  - id: CVE-1\n", ""),
    (YAML, "vulnerabilities:\n  - id: aws-access-key-id\n", ""),
    (
        YAML,
        "misconfigurations:\n  - id: DS002\n    paths: [other]\n",
        "",
    ),
    (
        YAML,
        "secrets:\n  - id: aws-access-key-id\n    expired_at: 2020-01-01\n",
        "",
    ),
    (
        YAML,
        "licenses:\n  - id: MIT\n    expired_at: 2020-01-01\n  - id: GPL-3.0-only\n",
        "",
    ),
    (YAML, "{\"vulnerabilities\":[{\"id\":\"CVE-1\"}]}", "CVE-1"),
    (
        YAML,
        "vulnerabilities:\n- id: CVE-1\n- id: CVE-2\n",
        "CVE-1 CVE-2",
    ),
    (YAML, "Vulnerabilities:\n  - id: CVE-1\n", ""),
    (YAML, "vulnerabilities:\n  - ID: CVE-1\n", ""),
    (YAML, "vulnerabilities: null\nsecrets: ~\n", ""),
    (YAML, "# nothing\n", ""),
    (YAML, "vulnerabilities:\n  -\n", ""),
    (YAML, "null\n", ""),
    (YAML, "vulnerabilities: {}\n", "error"),
    (YAML, "5\n", "error"),
    (YAML, "\tvulnerabilities: []\n", "error"),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: app\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: pkg:npm/x\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls: []\n    paths: []\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    purls:\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['']\n",
        "CVE-1",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad?']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad#']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm//left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:/npm/left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg://npm/left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['PKG:npm/left-pad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@1.0.0?']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left%2Dpad']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad@1%2E0.0']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/a/left-pad']\n",
        "",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: [' pkg:npm/left-pad']\n",
        "error",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad?a=']\n",
        "CVE-3",
    ),
    (
        YAML,
        "vulnerabilities:\n  - id: CVE-3\n    purls: ['pkg:npm/left-pad?a']\n",
        "CVE-3",
    ),
    (PLAIN, "CVE-1\nCVE-2\nCVE-3\n", "CVE-1 CVE-2 CVE-3"),
    (PLAIN, "CVE-1 exp:2020-01-01\nCVE-1\n", "CVE-1"),
    (PLAIN, "CVE-1 exp:2099-01-01#x\n", ""),
    (PLAIN, "CVE-1 exp:2099-02-30\n", ""),
    (PLAIN, "CVE-1\texp:2020-01-01\n", ""),
    (PLAIN, "GPL-3.0-only AND MIT\n", ""),
    (PLAIN, "MIT\nGPL-3.0-only exp:2020-01-01\n", ""),
    (PLAIN, "\u{feff}CVE-1\n", ""),
    (PLAIN, "CVE-1 statement: we know\n", "CVE-1"),
    (PLAIN, "vulnerabilities:\n  - id: CVE-1\n", ""),
    (PLAIN, "- CVE-1\n", ""),
    (PLAIN, "CVE-1;\n", ""),
    (PLAIN, "CVE-1\r", "CVE-1"),
    (PLAIN, "CVE-1\rCVE-2\n", "CVE-1"),
    (PLAIN, "CVE-1 exp: 2020-01-01\n", ""),
    (PLAIN, "CVE-1 #exp:2020-01-01\n", "CVE-1"),
    (PLAIN, "CVE-1 # exp:2020-01-01\n", ""),
    (PLAIN, "CVE-1 exp:2099-01-01T00:00:00Z\n", ""),
    (PLAIN, "CVE-1 exp:9999-12-31\n", "CVE-1"),
    (PLAIN, "CVE-*\n", ""),
    (PLAIN, "   \n\t\n", ""),
    (PLAIN, "# a\n# b\n", ""),
    (PLAIN, "CVE-1 # exp:soon\n", ""),
];

#[test]
fn ignore_files_leave_out_what_trivy_leaves_out() {
    let mut rows = Rows::of("trivy: ignore files against Trivy 0.76.0");
    let image = image();
    let mut wrong = Vec::new();
    for (name, text, expect) in ROWS {
        rows.row();
        let found = match read("trivy", name, text).unwrap() {
            Err(_) => "error".to_owned(),
            Ok(read) => {
                let Settings::Trivy(mut settings) = read.value else {
                    panic!("not Trivy's");
                };
                settings
                    .scanners
                    .extend([Scanner::Misconfig, Scanner::License]);
                let decision = Settings::Trivy(settings).judge(&image, now());
                let findings = decision.left_out.iter().map(|(index, _)| *index);
                let issues = decision.left_out_issues.iter().map(|(index, _)| index + 4);
                let names: Vec<&str> = findings.chain(issues).map(|index| NAMES[index]).collect();
                names.join(" ")
            }
        };
        if found != *expect {
            wrong.push(format!("{name} {text:?}: {found:?}, Trivy {expect:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.1 >= 200);
}

#[test]
fn trivy_itself_agrees_with_the_table() {
    let Ok(trivy) = std::env::var("LAMINA_TRIVY") else {
        eprintln!("skipped: LAMINA_TRIVY names no Trivy program");
        return;
    };
    let folder = std::env::temp_dir().join(format!("lamina-trivy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("report.json"), REPORT).unwrap();
    let mut wrong = Vec::new();
    for (name, text, expect) in ROWS {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        let output = Command::new(&trivy)
            .args([
                "convert",
                "--quiet",
                "--format",
                "json",
                "--exit-code",
                "7",
                "--ignorefile",
            ])
            .arg(&file)
            .arg(folder.join("report.json"))
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let found = match output.status.code() {
            Some(1) => "error".to_owned(),
            Some(0 | 7) => left_out(&report),
            code => panic!("{code:?} {}", String::from_utf8_lossy(&output.stderr)),
        };
        if found != *expect {
            wrong.push(format!("{name} {text:?}: {found:?}, the table {expect:?}"));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("rows: {} asked of {trivy}", ROWS.len());
}

fn left_out(report: &serde_json::Value) -> String {
    const IDS: [&str; 7] = [
        "CVE-1",
        "CVE-2",
        "CVE-3",
        "GHSA-aaaa-bbbb-cccc",
        "aws-access-key-id",
        "DS002",
        "GPL-3.0-only AND MIT",
    ];
    let mut left: Vec<&str> = Vec::new();
    let results = report["Results"].as_array();
    for result in results.into_iter().flatten() {
        for (list, key) in [
            ("Vulnerabilities", "VulnerabilityID"),
            ("Secrets", "RuleID"),
            ("Misconfigurations", "ID"),
            ("Licenses", "Name"),
        ] {
            let found = result[list].as_array().into_iter().flatten();
            left.extend(found.filter_map(|one| one[key].as_str()));
        }
    }
    let out = IDS.iter().zip(NAMES).filter(|(id, _)| !left.contains(id));
    out.map(|(_, name)| name).collect::<Vec<&str>>().join(" ")
}
