//! The rules: one row for each kind of secret.
//!
//! A row is its shape, its id (kebab-case, never changes), a title, a severity, the keywords that the
//! filter looks for, and the pattern that must match there; what differs from the shape's defaults
//! follows. Group 1 of the pattern, or whichever group takes part, is the secret; without groups all of
//! the match is. Patterns are `regex-lite`'s and always anchored.
//!
//! Where two rules match the same bytes, the earlier row is told.
//!
//! The examples are made up by a random generator and open nothing. They are in pieces, so that no
//! scanner, ours included, finds them here. In `yes` the second piece is the part that must never be
//! shown.
//!
//! Shapes of tokens are as their makers document them, and as the rules of Trivy, Gitleaks and scalibr
//! agree.

use crate::severity::Severity::{self, Critical, High, Low, Medium};

/// One kind of secret.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its name in reports.
    pub(crate) id: &'static str,
    /// What it is, for people.
    pub(crate) title: &'static str,
    /// How bad it is to find one.
    pub(crate) severity: Severity,
    /// One of these is there: 3 bytes or more each, in ASCII.
    pub(crate) keywords: &'static [&'static str],
    /// Where the pattern begins, and what surrounds it.
    pub(crate) shape: Shape,
    /// What must match.
    pub(crate) pattern: &'static str,
    /// The least Shannon entropy of the secret, in bits per byte.
    pub(crate) entropy: f32,
    /// Bytes after the keyword's start that the pattern may see.
    pub(crate) reach: usize,
    /// For tokens with their keyword in the middle: the least and the greatest number of bytes before
    /// it.
    pub(crate) back: (usize, usize),
    /// Whether the form alone says enough: such rules are asked in programs and documentation too.
    pub(crate) strong: bool,
    /// Whether keyword and pattern match in any case.
    pub(crate) ignore_case: bool,
    /// Whether the keyword may follow any byte, not only the end of a word.
    pub(crate) any_boundary: bool,
    /// Whether the form could be an accident in encoded data: then no byte of Base64 may precede it.
    pub(crate) inner: bool,
    /// If not empty, the file's path ends in one of these.
    pub(crate) paths: &'static [&'static str],
    /// Whether only the name says that it is a secret: such rules have more guards.
    pub(crate) generic: bool,
    /// Whether the value stands in quotes, or the file is a configuration.
    pub(crate) quoted: bool,
    /// Whether only configurations are looked at: in programs it is the name of a variable.
    pub(crate) config_only: bool,
    /// Whether there must be an `@` before the address's path begins; looked at before the pattern.
    pub(crate) authority: bool,
}

/// Where a pattern begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// At the keyword, or `back` bytes before it.
    Token,
    /// At the keyword; its words may be in any case.
    Text,
    /// Behind the keyword, the rest of the name, and a sign of assignment. The pattern is the value.
    Assigned,
    /// Likewise, and the rest of the name says that it is a key, token, secret or password.
    Vendor,
}

impl Rule {
    const fn of(shape: Shape) -> Self {
        Self {
            id: "",
            title: "",
            severity: Severity::Unknown,
            keywords: &[],
            shape,
            pattern: "",
            entropy: 0.0,
            reach: 320,
            back: (0, 0),
            strong: false,
            ignore_case: true,
            any_boundary: true,
            inner: false,
            paths: &[],
            generic: false,
            quoted: false,
            config_only: false,
            authority: false,
        }
    }

    const fn token() -> Self {
        Self {
            strong: true,
            ignore_case: false,
            any_boundary: false,
            ..Self::of(Shape::Token)
        }
    }

    const fn text() -> Self {
        Self::of(Shape::Text)
    }

    const fn assigned() -> Self {
        Self::of(Shape::Assigned)
    }

    const fn vendor() -> Self {
        Self::of(Shape::Vendor)
    }
}

/// A true and a false example of a rule, in pieces.
#[cfg(test)]
pub(crate) struct Example {
    pub(crate) rule: &'static str,
    pub(crate) yes: &'static [&'static str],
    pub(crate) no: &'static [&'static str],
}

macro_rules! rules {
    ($($shape:ident $id:literal, $title:literal, $severity:ident, [$($keyword:literal),*], $pattern:literal
        $(, $field:ident: $value:expr)*; yes [$($yes:literal),*]; no [$($no:literal),*];)*) => {
        /// All rules, the more telling first.
        pub(crate) static RULES: &[Rule] = &[$(Rule {
            id: $id,
            title: $title,
            severity: $severity,
            keywords: &[$($keyword),*],
            pattern: $pattern,
            $($field: $value,)*
            ..Rule::$shape()
        },)*];

        #[cfg(test)]
        pub(crate) static EXAMPLES: &[Example] = &[$(Example {
            rule: $id,
            yes: &[$($yes),*],
            no: &[$($no),*],
        },)*];
    };
}

rules! {
    // Private keys. The encrypted ones come first: what both match, they are.
    text "gcp-service-account", "Google Cloud service account key", Critical,
        ["\"service_account\""],
        r#""service_account"[^{}]{0,400}"private_key"\s{0,4}:\s{0,4}"-----BEGIN (?:RSA )?PRIVATE KEY-----\\n([0-9A-Za-z+/=]{40,})"#,
        reach: 1024, entropy: 3.5;
        yes ["{\"type\": \"service_", "account\", \"project_id\": \"a\", \"private_key_id\": \"b\", \"private_key\": \"-----BEGIN PRI", "VATE KEY-----\\n", "MIIEbO5FeYx9pM5gNfdKwkEJ3PEVVIPcP4Y7p4tD14z4gzM+jppZxO4z7KdcwjOo", "\\n\"}"];
        no ["{\"type\": \"service_", "account\", \"project_id\": \"a\", \"private_key\": \"...\"}"];
    token "private-key-encrypted", "Private key, encrypted", Medium,
        ["-----BEGIN ENCRYPTED", "-----BEGIN RSA PRIV", "-----BEGIN EC PRIV", "-----BEGIN DSA PRIV", "-----BEGIN OPENSSH PRIV", "PuTTY-User-Key-File-"],
        r"-----BEGIN (?:ENCRYPTED (?:PRIVATE|COSIGN PRIVATE|SIGSTORE PRIVATE) KEY-----(?:\s|\\[nr]){1,6}([0-9A-Za-z+/=]{24,})|(?:RSA|EC|DSA) PRIVATE KEY-----(?:\s|\\[nr]){1,6}Proc-Type: 4,ENCRYPTED(?:\s|\\[nr]){1,6}DEK-Info: [0-9A-Z,\-]{8,64}(?:\s|\\[nr]){1,8}([0-9A-Za-z+/=]{24,})|OPENSSH PRIVATE KEY-----(?:\s|\\[nr]){1,6}(b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni[0-9A-Za-z+/=]{20,}))|PuTTY-User-Key-File-[23]: [^\n]{1,64}\nEncryption: aes256-cbc\r?\n(?:[^\n]{0,100}\n){1,40}Private-Lines: [0-9]{1,4}\r?\n([0-9A-Za-z+/=]{24,})",
        reach: 2048, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN ENCRYPTED PRI", "VATE KEY-----\n", "GUI01iEFT059hgovC9JPna2EFygOgeda9/neeMyJTVQmey7WuAP1X18+16OapVpd", "\n"];
        no ["-----BEGIN ENCRYPTED PRI", "VATE KEY-----\n..."];
    token "private-key", "Private key", High,
        ["-----BEGIN PRIV", "-----BEGIN RSA PRIV", "-----BEGIN EC PRIV", "-----BEGIN DSA PRIV", "-----BEGIN OPENSSH PRIV", "-----BEGIN ED25519 PRIV"],
        r#"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ED25519 )?PRIVATE KEY-----(?:\s|\\[nr]|["'+,]){1,24}([0-9A-Za-z+/=]{40,})"#,
        reach: 512, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN RSA PRI", "VATE KEY-----\n", "MIIESgY4v1uXHSwFr/GOhZF+4WO4APcP7cptH9LkYhtbN8VRhlURyH/rz1iXqn+9", "\n"];
        no ["-----BEGIN RSA PRI", "VATE KEY-----\n...\n"];
    token "pgp-private-key", "PGP private key", High,
        ["-----BEGIN PGP PRIV"],
        r"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:\s|\\[nr])+(?:(?:Version|Comment|Charset|Hash): [^\n]{0,200}\n)*(?:\s|\\[nr])*([0-9A-Za-z+/=]{24,})",
        reach: 1024, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN PGP PRI", "VATE KEY BLOCK-----\nVersion: GnuPG v2\n\n", "lQOYAYjtCCQymlAQ9JoM07UylJRU3tnlgQBbDUhGbNB4/UbuhTmQkfSm2BR7uEXs", "\n"];
        no ["-----BEGIN PGP PUB", "LIC KEY BLOCK-----\n\nmQEN8CgXTUwh2x+JhGKq9FFv/W4KF0T9obHRp/N9NIbUYN+x7qRdSXvSRvzi1JYY\n"];
    token "putty-private-key", "PuTTY private key", High,
        ["PuTTY-User-Key-File-"],
        r"PuTTY-User-Key-File-[23]: [^\n]{1,64}\nEncryption: none\r?\n(?:[^\n]{0,100}\n){1,40}Private-Lines: [0-9]{1,4}\r?\n([0-9A-Za-z+/=]{24,})",
        reach: 2048, entropy: 3.5;
        yes ["PuTTY-User-Key-", "File-2: ssh-rsa\nEncryption: none\nComment: me\nPublic-Lines: 1\nAAAAB3\nPrivate-Lines: 1\n", "4U9QF3MpeUGeKFAM4eVvmMBE25UheeiLGsZqGuzN8XTyXZjdURlSDWqbqt0hdhzw", "\n"];
        no ["PuTTY-User-Key-", "File-2: ssh-rsa\nEncryption: none\nComment: me\n"];
    token "age-secret-key", "age secret key", High,
        ["AGE-SECRET-KEY-1"],
        r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b";
        yes ["AGE-SECRET-", "KEY-15MNA7NF8T6HTP6YL6P683MZSAK3HVDQSGPCRREDL74NK2SHLPGNSK3R96V"];
        no ["AGE-SECRET-", "KEY-16SXH73ZWWFRAMR2TWL8Y"];
    text "json-web-key", "Private JSON web key", High,
        ["\"kty\""],
        r#""kty"\s{0,4}:\s{0,4}"(?:RSA|EC|OKP)"[^{}]{0,1800}"d"\s{0,4}:\s{0,4}"([0-9A-Za-z_\-]{32,})""#,
        reach: 2048, entropy: 3.5;
        yes ["{\"k", "ty\":\"EC\",\"crv\":\"P-256\",\"d\":\"", "R9PtoejZHnfaZ5GrHuTE0jd0j8My4oy1OILnCw0Nkr9", "\"}"];
        no ["{\"k", "ty\":\"EC\",\"crv\":\"P-256\",\"x\":\"WoMUssLZ2shr3zJRrsBHX0P_pzr47oGQWeqUcmhwdDk\"}"];
    assigned "wireguard-private-key", "WireGuard private key", High,
        ["PrivateKey", "PresharedKey"],
        r"[0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=",
        entropy: 4.0;
        yes ["Private", "Key = ", "4vJ/CsJ63cBGiDTZJTPCoc0xkQyiN6Ig+lJeqDzjqRA=", "\n"];
        no ["Public", "Key = k6SYf8U96lpx0Y9SyLj3iMQ+Td2MhxSAjyHNaXObwJA=\n"];

    // Clouds.
    token "aws-access-key-id", "AWS access key ID", High,
        ["AKIA", "ASIA", "ABIA", "ACCA"],
        r"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?:[^0-9A-Za-z+/_]|$)",
        entropy: 3.0, inner: true;
        yes ["key: ", "AKIA", "5RVNONZYJBMZBKGR"];
        no ["key: ", "AKIA", "IOSFODNN7EXAMPLE"];
    assigned "aws-secret-access-key", "AWS secret access key", Critical,
        ["aws_secret", "aws-secret", "awssecret", "secret_access_key", "secret-access-key", "secretaccesskey"],
        r"[0-9A-Za-z/+]{40}",
        entropy: 3.5;
        yes ["aws_secret_", "access_key = ", "WQKjB6qQDvwq+c29IUgWoqgifXOBvVMXFxO5W9rS", "\n"];
        no ["aws_secret_", "access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"];
    assigned "aws-session-token", "AWS session token", Medium,
        ["aws_session_token", "aws_security_token", "sessiontoken"],
        r"[0-9A-Za-z/+=]{100,1000}",
        reach: 1200, entropy: 4.0;
        yes ["aws_session_", "token = ", "YzVsBE0lzkiHfvbbb4ZA1lf2kd0Ee1mztvh2yfHJ6/sLe9GT9rlBF59pHknitDSUHmoJRp39rdIvmO5DQTpLWsVae9OiGG6eCRz+e3pcttVNsQ8NJYllIl7nzHBV9J7YICBsQCev5WfbC0iQE204ioyY4k/PdCEF", "\n"];
        no ["aws_session_", "token = Svz7H3gJHphzo8fsNBPurnwo3muVbrQJYoF7rKjqNA9AlE0+sV762NN1NJ2u\n"];
    token "aws-bedrock-api-key", "Amazon Bedrock API key", High,
        ["ABSK"],
        r"ABSK[0-9A-Za-z+/]{109,269}={0,2}(?:[^0-9A-Za-z+/]|$)",
        reach: 400, entropy: 4.5, inner: true;
        yes ["", "ABSK", "Ty9cvHEc/yQQJzw8b4+1uAiUC0KufgJbSZmdXDDllIEGEM5rmGoDtcAY62dggpUC3gBPnt/PtiWuRqkaRrgwffxyCBZNbR4x292nSygcb8ebr32VhbMpN8wH"];
        no ["ABSK", "06i0vsgnC8XTBliLAgaRQKyVa0v8Tw"];
    token "aws-mws-token", "Amazon MWS token", High,
        ["amzn.mws."],
        r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        entropy: 3.0;
        yes ["amzn.", "mws.a6e0f394-5b8e-4102-a1d7-bb4148a3188f"];
        no ["amzn.", "mws.48365357"];
    token "google-api-key", "Google API key", Medium,
        ["AIza"],
        r"AIza[0-9A-Za-z_\-]{35}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["", "AIza", "SyhMcvd43a-mHLD6Etrb42QLDJRWoJZ7qj5"];
        no ["AIza", "SyYXiWJOpSTNQs"];
    token "google-oauth-client-secret", "Google OAuth client secret", High,
        ["GOCSPX-"],
        r"GOCSPX-[0-9A-Za-z_\-]{28}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["GOC", "SPX-zcS1c52b30NUgrB9rRWdeMR19YDx"];
        no ["GOC", "SPX-s_lH0IGk"];
    token "google-oauth-access-token", "Google OAuth access token", Medium,
        ["ya29."],
        r"ya29\.[0-9A-Za-z_\-]{40,}",
        entropy: 4.0;
        yes ["ya", "29.-rBjP0HONABTrig_Y7lEz1QaO8ltNarNIkv2sEIvHVEMPuWN91qIFJc-RJcg"];
        no ["ya", "29.6uKSC8v1wD"];
    token "google-oauth-refresh-token", "Google OAuth refresh token", High,
        ["1//0"],
        r"1//0[0-9A-Za-z_\-]{60,110}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["1/", "/06p_0I2vHwylPemLjlOakgbSD1cvMWh854lcpiUeDtp-EHmAceKUyNvoErrZbQdXjtTWLnAjf-iLyxKrlviVVPQKO7s6QGXh80XS"];
        no ["1/", "/0RiRhkO-dY"];
    assigned "azure-storage-key", "Azure storage or Cosmos DB account key", Critical,
        ["AccountKey", "storage_key", "storage-key", "azure_storage"],
        r"[0-9A-Za-z+/]{86}==",
        entropy: 4.5;
        yes ["DefaultEndpointsProtocol=https;AccountName=a;Account", "Key=", "y95oBlsXF+x+G6vrkP3nmqnNyAwojXP4fl+5jVAzMkXsczhrvsptposumel5pJ53Mk7Ne3Gho5+TOKLxuocvbO==", ";x"];
        no ["Account", "Key=VAhWsFxLgeaYvdilVzkS5tu1bK/9s6SfNfzjhcrw=="];
    assigned "azure-shared-access-key", "Azure Service Bus or Event Hubs key", High,
        ["SharedAccessKey"],
        r"[0-9A-Za-z+/]{43}=",
        entropy: 4.0;
        yes ["SharedAccess", "Key=", "nGJo4wEkxt0fMcHJLr5d021Ht4GqLVHLeJ7dAPytauj=", "\n"];
        no ["SharedAccess", "Key=RktDskpihamM9aQwiuXE"];
    text "azure-sas-token", "Azure shared access signature", High,
        ["&sig=", "?sig="],
        r"[?&]sig=([0-9A-Za-z%+/]{43,80}(?:%3D|=))",
        entropy: 4.0;
        yes ["https://a.blob.core.windows.net/b?sv=2022-11-02&s", "ig=", "1bFFIrqrWbg95gFa8bmFVQDzzFvlMejBUwub8svTpu0%3D"];
        no ["x?a=b&s", "ig=ITDIN8SiIQt6i2a7qE5i"];
    token "azure-ad-client-secret", "Microsoft Entra ID client secret", High,
        ["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
        r"[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.\-]{31,34}(?:[^0-9A-Za-z_~.\-]|$)",
        back: (3, 3), entropy: 4.0;
        yes ["", "7Lm", "8Q~eipULRMVvZyXZEWtZDTKxtEBcE21TUFulm"];
        no ["IlK", "8Q~Yzj4w6Ivpp"];
    token "azure-devops-token", "Azure DevOps token", High,
        ["AZDO"],
        r"[0-9A-Za-z]{76}AZDO[0-9A-Za-z]{4}\b",
        back: (76, 76), entropy: 4.0;
        yes ["7c4ta4PVsY41akBIuTHcY4Un0xJeArTKIWzwesSF", "yhWuap5jcfY5NvUezz8CSEJm2F18dVnbzyGZ", "AZDOxit7"];
        no ["0fNu1EDv8SOU2T6PdlKzYxS2cPFUWw", "AZDO9I1r"];
    vendor "azure-devops-token-legacy", "Azure DevOps token, old form", High,
        ["azure_devops", "azuredevops", "azure-devops", "system_access", "vsts"],
        r"[a-z2-7]{52}",
        entropy: 3.5;
        yes ["azure_devops_", "pat_token=", "nylaoon2dr7crv4fa3fra4qw7aexan2jppw4jc7ujvnpeeq5elek"];
        no ["azure_devops_", "pat_token=nyvggs6pibpz3rxqzqqn"];
    token "azure-container-registry-key", "Azure container registry password", High,
        ["+ACR"],
        r"[0-9A-Za-z+/]{42}\+ACR[0-9A-Za-z]{6}(?:[^0-9A-Za-z+/]|$)",
        back: (42, 42), entropy: 4.0;
        yes ["UlZWXk6prTwLqCaeFth8", "KXiKSjqNG2xtAQpKrnLAZ1", "+ACRKMTdbe"];
        no ["y7Erky4YtVFDNpEYuiJx", "+ACR5ESUkL"];
    token "digitalocean-token", "DigitalOcean personal access token", Critical,
        ["dop_v1_"],
        r"dop_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["dop_", "v1_afcd023354ccd0bd4575b7ae039087430ab6c540abf77f2945272d32e8cb2460"];
        no ["dop_", "v1_0d5187f6ad1fc67a0bc6"];
    token "digitalocean-oauth-token", "DigitalOcean OAuth token", High,
        ["doo_v1_"],
        r"doo_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["doo_", "v1_f77fbc094ef8f7351b39370e976464427ed282df9c6c0006771f0e015a79c445"];
        no ["doo_", "v1_76db2943ef8e26e427a2"];
    token "digitalocean-refresh-token", "DigitalOcean refresh token", High,
        ["dor_v1_"],
        r"dor_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["dor_", "v1_944cb7d52265111093a10c015eb5c40f36dabb65457a4c21fb9402d527a07457"];
        no ["dor_", "v1_9b88e84a63376d35e845"];
    token "alibaba-access-key-id", "Alibaba Cloud access key ID", High,
        ["LTAI"],
        r"LTAI[0-9A-Za-z]{12,26}\b",
        entropy: 3.5;
        yes ["", "LTAI", "5t3pjoTjGmSPosuTTzYh"];
        no ["", "LTAI", "5t"];
    vendor "alibaba-secret-key", "Alibaba Cloud secret key", High,
        ["alibaba", "aliyun", "alicloud"],
        r"[0-9A-Za-z]{30}",
        entropy: 3.8;
        yes ["aliyun_", "access_key_secret=", "bbyn4ES0zrKpd4qBKH7mw2VbGpTGD3"];
        no ["aliyun_", "access_key_secret=izreBRgFcw"];
    token "tencent-secret-id", "Tencent Cloud secret ID", High,
        ["AKID"],
        r"AKID[0-9A-Za-z]{32}\b",
        entropy: 3.5;
        yes ["", "AKID", "8ScgH7f8wOzg88ziExy491Z6AqRcvl82"];
        no ["", "AKID", "wVmEzPHz3bvY"];
    vendor "tencent-secret-key", "Tencent Cloud secret key", High,
        ["tencent", "qcloud"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.8;
        yes ["tencentcloud_", "secret_key=", "P3RsWWmEJKEGmZMe82UIxJpUDpT0U8Mg"];
        no ["tencentcloud_", "secret_key=NebFn0cMQsnO"];
    token "yandex-api-key", "Yandex Cloud API key", High,
        ["AQVN"],
        r"AQVN[0-9A-Za-z_\-]{35,38}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["", "AQVN", "UBPWS8LUUbSVYUfVk258QeVIxto-TpVihO7H"];
        no ["AQVN", "6huqOETu7-Rsr1d5"];
    token "heroku-api-key", "Heroku API key", High,
        ["HRKU-AA"],
        r"HRKU-AA[0-9A-Za-z_\-]{58}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["HRKU", "-AAHahgIAF3dEsRzDjHqY_UchWxY8XOGr9LtoR7xtTegGqDmIJ2JC0C7spTdW"];
        no ["HRKU", "-AAGtI8-rcTTpjt"];
    vendor "heroku-api-key-legacy", "Heroku API key, old form", High,
        ["heroku"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["HEROKU_", "API_KEY=", "9fe054fc-bc6f-4f54-a5c1-b8efb3b6b762"];
        no ["HEROKU_", "APP_ID=d996eeed-7cf3-4a0b-ab43-fb2fae4b39ee"];
    vendor "cloudflare-api-token", "Cloudflare API token", High,
        ["cloudflare", "cf_api"],
        r"[0-9A-Za-z_\-]{40}",
        entropy: 4.0;
        yes ["CLOUDFLARE_", "API_TOKEN=", "kJHx1ZYpTlPGBpUUGyJX2CdbWuoagjbwPB5tz6FY"];
        no ["CLOUDFLARE_", "API_TOKEN=xrypzYcVNc"];
    vendor "cloudflare-global-api-key", "Cloudflare global API key", Critical,
        ["cloudflare", "cf_api"],
        r"[0-9a-f]{37}",
        entropy: 3.0;
        yes ["CLOUDFLARE_", "API_KEY=", "50e7b93894be907000322445a8e8dd143eecb"];
        no ["CLOUDFLARE_", "API_KEY=e0d25909745b88a06400960d537b37"];
    token "cloudflare-origin-ca-key", "Cloudflare origin CA key", High,
        ["v1.0-"],
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b",
        entropy: 3.0;
        yes ["v1", ".0-56e305d251e339ff88cd33c3-9fe8d7515a18a0974f31a0d4cbbf46abda719b9dbf6f9ebd9d352e70911f6cffda7b9ee36ce2399c9a180f0deaaf87924976604bbae71586ba7d5797870dd47f42a6903158ad842c21"];
        no ["v1", ".0-93d6b667d0be20e7d9207b83"];
    token "fly-access-token", "Fly.io access token", High,
        ["fm1_", "fm1a_", "fm1r_", "fm2_"],
        r"fm(?:1[ar]?|2)_[0-9A-Za-z+/]{100,}={0,3}",
        reach: 1024, entropy: 4.5;
        yes ["fm", "2_+tXLkSia5mod9Wo1ni5UYWlc9tgFQtOqjqevS2OTCqcSWuk4IhHY8cYKSc/elCIOuOv94EIqjk55doJ1RKlvICItxnQCmWdCOVI1v1Bb3Eaubx6Och0ZpC/hI1uNaU+DVFcnBZGv07KW"];
        no ["fm", "2_bGMKHOg7glKMoJ3Yf22i"];
    token "fly-deploy-token", "Fly.io deploy token", High,
        ["fo1_"],
        r"fo1_[0-9A-Za-z_\-]{43}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["fo", "1_sNlhaMK_v76dXPt_NfWoEU1XYwliqfWPxQm8qvBacbT"];
        no ["fo", "1_RaML-Ynqnk"];
    vendor "vercel-token", "Vercel token", High,
        ["vercel"],
        r"[0-9A-Za-z]{24}",
        entropy: 3.8;
        yes ["VERCEL_", "TOKEN=", "SeBXwPzr2LYZv3UAWowRSXdo"];
        no ["VERCEL_", "TOKEN=fxs134FJP"];
    token "netlify-token", "Netlify personal access token", High,
        ["nfp_"],
        r"nfp_[0-9A-Za-z]{36}\b",
        entropy: 4.0;
        yes ["nf", "p_pRTEMqSXOOEpASZkurwaBifl4XlCoHIlvsBM"];
        no ["nf", "p_dDmxweCyXd"];
    vendor "netlify-token-legacy", "Netlify token, old form", High,
        ["netlify"],
        r"[0-9A-Za-z_\-]{43,46}",
        entropy: 4.0;
        yes ["NETLIFY_", "AUTH_TOKEN=", "aiKH9JGsbVJdfXzFD6veaMVvefxgea9r55iltbJvfSB"];
        no ["NETLIFY_", "AUTH_TOKEN=vfeCdpEkLl"];
    vendor "linode-token", "Linode token", High,
        ["linode"],
        r"[0-9a-f]{64}",
        entropy: 3.0;
        yes ["LINODE_", "TOKEN=", "9e6401657609c2f0b053aa67e0298b88da5959e187d5b0767dfc407aefff80b5"];
        no ["LINODE_", "TOKEN=f69993b0a4"];
    vendor "hetzner-token", "Hetzner Cloud token", High,
        ["hcloud", "hetzner"],
        r"[0-9A-Za-z]{64}",
        entropy: 4.0;
        yes ["HCLOUD_", "TOKEN=", "muZuObo255RfAEoZ3Gk30KHK1u6N2v0OaHSsQ7Ic2EjdopHLJLqCC0xhBbILJubs"];
        no ["HCLOUD_", "TOKEN=n0fzUkgcCK"];
    vendor "scaleway-secret-key", "Scaleway secret key", High,
        ["scaleway", "scw_"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["SCW_", "SECRET_KEY=", "00e1d4b4-3a94-4e06-a12b-28f521e2c69e"];
        no ["SCW_", "PROJECT_ID=ed8fc28e-2e9a-4438-a810-5127b4616d01"];
    vendor "vultr-api-key", "Vultr API key", High,
        ["vultr"],
        r"[0-9A-Z]{36}",
        entropy: 3.8;
        yes ["VULTR_", "API_KEY=", "2C52UDY6JVNHL2IYQJCJNV1DEUDOHJ610FDY"];
        no ["VULTR_", "API_KEY=23IUO7ULK"];
    vendor "ibm-cloud-api-key", "IBM Cloud API key", High,
        ["ibmcloud", "ibm_cloud", "bluemix"],
        r"[0-9A-Za-z_\-]{44}",
        entropy: 4.0;
        yes ["IBMCLOUD_", "API_KEY=", "ACeoC1lLPCeCAXOH7yDATjbrEE8I4j8uV5uhQN4zxpEP"];
        no ["IBMCLOUD_", "API_KEY=xCmhGYWlm"];
    vendor "fastly-api-token", "Fastly API token", High,
        ["fastly"],
        r"[0-9A-Za-z_\-]{32}",
        entropy: 4.0;
        yes ["FASTLY_", "API_TOKEN=", "0PDffJueleb2FGepzXxzRjNUzM1HRBqF"];
        no ["FASTLY_", "API_TOKEN=Hm9wKG03w"];
    token "supabase-token", "Supabase access token", High,
        ["sbp_"],
        r"sbp_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sb", "p_cd9ee584d3fce19ca28b61a0097529e0b42c60e5"];
        no ["sb", "p_23ca0c4690"];
    token "supabase-secret-key", "Supabase secret key", High,
        ["sb_secret_"],
        r"sb_secret_[0-9A-Za-z_\-]{31}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["sb_", "secret_iR4wyYcyPfF1NlkIHi50aqDjFGV8Ea1"];
        no ["sb_", "secret_dcmxfJrem"];
    token "planetscale-token", "PlanetScale token or password", High,
        ["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        r"pscale_(?:tkn|pw|oauth)_[0-9A-Za-z=._\-]{32,64}(?:[^0-9A-Za-z=._\-]|$)",
        entropy: 3.8;
        yes ["pscale_", "tkn_HpdkODbaVF60lTxKsNcA0UiZQX73cpbRLoaoKvsysbp"];
        no ["pscale_", "tkn_grCjSxh7k"];
    token "render-api-key", "Render API key", High,
        ["rnd_"],
        r"rnd_[0-9A-Za-z]{28,32}\b",
        entropy: 4.0;
        yes ["rn", "d_g4MgIrFnWg3EA2cTgXoRRhcGhmdWvA"];
        no ["rn", "d_generator_of_all_the_things"];

    // Where source code is kept and built.
    token "github-token", "GitHub personal access token", Critical,
        ["ghp_"],
        r"ghp_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "p_Lb4HVFdczFUAXX4G0GABfJpEl5EGImr8uDet"];
        no ["gh", "p_TXjsrdM7hd"];
    token "github-fine-grained-token", "GitHub fine-grained access token", Critical,
        ["github_pat_"],
        r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}\b",
        entropy: 3.5;
        yes ["github_", "pat_cAb6bvLvT2zEouMx9pndHT_kLd9ivnIfflSo4fksf7ex0CHJVj6Q45rfTR3PBFTxeAXTmltnB9OTNA8CBc"];
        no ["github_", "pat_7PSU8trbHfhojqtIJHWsh3"];
    token "github-oauth-token", "GitHub OAuth token", Critical,
        ["gho_"],
        r"gho_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "o_vKfpCS5TZT80sexCV9OV5NoeT2vYLhLw7zqt"];
        no ["gh", "o_iKhYTFnaxW"];
    token "github-app-user-token", "GitHub app's token for a user", High,
        ["ghu_"],
        r"ghu_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "u_ztbhjzBY6xRvPO1tLtfZoPJSE1vyOa9NZw9g"];
        no ["gh", "u_jLwTWMIHnN"];
    token "github-app-token", "GitHub app installation token", High,
        ["ghs_"],
        r"ghs_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "s_PE6qkJHoLKEtbdkchq6D8YqJQyKOh5WTkrfC"];
        no ["gh", "s_IXrKs5GBsy"];
    token "github-refresh-token", "GitHub refresh token", High,
        ["ghr_"],
        r"ghr_[0-9A-Za-z]{36,76}\b",
        entropy: 3.5;
        yes ["gh", "r_1qAKXQSQ8cWSlcfuCy2b5i7AalVgBm4x30hDEYNIK4eRzzYeUckdZubhOMYGTWxFyZSExH4biJAp"];
        no ["gh", "r_vIYGXk1a7L"];
    token "gitlab-token", "GitLab personal access token", Critical,
        ["glpat-"],
        r"glpat-[0-9A-Za-z_\-]{20,300}(?:\.[0-9a-z]{2}[0-9a-z]{7})?",
        reach: 400, entropy: 3.5;
        yes ["glp", "at-IRrz7GhuoeNlQVG5bAyq"];
        no ["glp", "at-4Nm5E67JJ"];
    token "gitlab-trigger-token", "GitLab pipeline trigger token", High,
        ["glptt-"],
        r"glptt-[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["glp", "tt-c52046af22ea2e4401e87313899ebf7ba67778e5"];
        no ["glp", "tt-b26f5acbc"];
    token "gitlab-deploy-token", "GitLab deploy token", High,
        ["gldt-"],
        r"gldt-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "dt-IYIfQYDlmhrkTFo73DDQ"];
        no ["gl", "dt-KRQ0MKrWX"];
    token "gitlab-runner-token", "GitLab runner token", High,
        ["glrt-", "GR1348941"],
        r"(?:glrt-|GR1348941)[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "rt-0lza09Jk1pMID4zFY4lP"];
        no ["gl", "rt-bhzwY2fb8"];
    token "gitlab-ci-token", "GitLab CI job token", Medium,
        ["glcbt-"],
        r"glcbt-[0-9a-zA-Z]{1,5}_[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["glc", "bt-64_RtOy1WIaORkmEbPVMCGQ"];
        no ["glc", "bt-WFV"];
    token "gitlab-feed-token", "GitLab feed or incoming mail token", Medium,
        ["glft-", "glimt-"],
        r"gl(?:ft|imt)-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "ft-tRb8AEfNQSfmNjxuPEYO"];
        no ["gl", "ft-BTZej5Eao"];
    token "gitlab-agent-token", "GitLab agent for Kubernetes token", High,
        ["glagent-"],
        r"glagent-[0-9A-Za-z_\-]{50,}",
        entropy: 3.5;
        yes ["gla", "gent-DMfZKfjTVYQtbx8OlW4NznK6Bx9PUFqBnP09jSSQrPhUZt7Hif"];
        no ["gla", "gent-0excOaoID"];
    token "gitlab-oauth-secret", "GitLab OAuth application secret", High,
        ["gloas-", "glsoat-"],
        r"gl(?:oas|soat)-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["glo", "as-HyzpiKUGhZduwzlsHBOgAbyd2uyFEmYAsam1nRol3nnrr4p3k5y6oK1JKmaCIxC2"];
        no ["glo", "as-vBMTaTGIn"];
    token "bitbucket-app-password", "Bitbucket app password", High,
        ["ATBB"],
        r"ATBB[0-9A-Za-z]{32}\b",
        entropy: 3.5;
        yes ["AT", "BBjTHT25dYxuMGmiSI117SltbQ3VDTZPQT"];
        no ["AT", "BBsSy17Usal"];
    vendor "bitbucket-secret", "Bitbucket OAuth secret", High,
        ["bitbucket"],
        r"[0-9A-Za-z_\-]{32,64}",
        entropy: 4.0;
        yes ["BITBUCKET_", "CLIENT_SECRET=", "OBATF3EHBjWLkQu924CFlPNxGyuJh1lP"];
        no ["BITBUCKET_", "CLIENT_SECRET=ZHhZnRkvZ"];
    vendor "gitea-token", "Gitea or Forgejo token", High,
        ["gitea", "forgejo"],
        r"[0-9a-f]{40}",
        entropy: 3.0;
        yes ["GITEA_", "TOKEN=", "1c37e52fc82f78406fbc6f40f7a126ad69342c97"];
        no ["GITEA_", "TOKEN=b8a29785c"];
    token "sourcegraph-token", "Sourcegraph access token", High,
        ["sgp_"],
        r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sg", "p_7e95ed64e5dc8c33102fd1ca89e6f94a7eda8bc8"];
        no ["sg", "p_f85758994"];
    token "circleci-token", "CircleCI token", High,
        ["CCIPAT_", "CCIPRJ_"],
        r"CCIP(?:AT|RJ)_[0-9A-Za-z]{22}_[0-9a-f]{40}\b",
        entropy: 3.5;
        yes ["CCI", "PAT_kmsNepTGj0k26zK7LA1XxG_c8a04c1a6ac07badd10513edac3e8dc801d40a08"];
        no ["CCI", "PAT_8eQNoeMGCbfhh2ZPkWCDNA"];
    token "buildkite-token", "Buildkite API token", High,
        ["bkua_"],
        r"bkua_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["bk", "ua_96733a2028dd63414e7d031a8c002ef3f33ef3c0"];
        no ["bk", "ua_0aa5bd835"];
    vendor "travis-token", "Travis CI token", Medium,
        ["travis"],
        r"[0-9A-Za-z_\-]{22}",
        entropy: 3.8;
        yes ["TRAVIS_", "API_TOKEN=", "sSjxrWU1a9s24sVGe8fFlV"];
        no ["TRAVIS_", "API_TOKEN=zLwGHrpKI"];
    vendor "drone-token", "Drone CI token", Medium,
        ["drone"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.8;
        yes ["DRONE_", "TOKEN=", "mpDQNT4GRT5uzLEgF7HawZWvbrZoTu6S"];
        no ["DRONE_", "TOKEN=2KvcljrCn"];
    vendor "codecov-token", "Codecov token", Medium,
        ["codecov"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-z]{32}",
        entropy: 3.0;
        yes ["CODECOV_", "TOKEN=", "7bc5713f-feb8-4aef-a9d0-d23b05e077ef"];
        no ["CODECOV_", "TOKEN=369d422f8"];
    vendor "snyk-token", "Snyk token", High,
        ["snyk"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["SNYK_", "TOKEN=", "1c6d54aa-3adc-4d9a-a965-417253ff7f25"];
        no ["SNYK_", "ORG=1837e693-a710-42d9-a593-f0994358bf77"];
    token "sonarqube-token", "SonarQube token", High,
        ["squ_", "sqp_", "sqa_"],
        r"sq[upa]_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sq", "u_bf678bf1a4b7ea86eddb609018900ce6143bccc6"];
        no ["sq", "u_65c98302e"];

    // Where packages and images are kept.
    token "npm-token", "npm access token", Critical,
        ["npm_"],
        r"npm_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["np", "m_RW2xaXtvJwXn953vr9zZRbGHvrz0shIbaNvV"];
        no ["np", "m_config_registry"];
    text "npm-registry-auth", "Password or token of an npm registry", High,
        ["_authToken", ":_auth", ":_password", "npmAuthToken"],
        r#"(?:_authToken|:_auth|:_password|npmAuthToken)["']?\s{0,4}[=:]\s{0,4}["']?([0-9A-Za-z_\-+/=.]{16,})"#,
        entropy: 3.0, strong: true, ignore_case: false;
        yes ["//registry.example.org/:_auth", "Token=", "a800d8f5-5ebd-4e6f-aeda-c0cd68363576", "\n"];
        no ["//registry.example.org/:_auth", "Token=${NPM_TOKEN}\n"];
    token "pypi-token", "PyPI token", Critical,
        ["pypi-AgE"],
        r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[0-9A-Za-z_\-]{50,}",
        entropy: 4.0;
        yes ["pypi-", "AgEIcHlwaS5vcmcYtiUrym08nhpUSWCx1bOw4NqlTBMVQDt-6HC6SqGVu11q_vyBlQqfYnUMRidHGKFmZrqX7L4rISCzCwp"];
        no ["pypi-", "AgEIcHlwaS5vcmcPk_VDL8w"];
    token "rubygems-token", "RubyGems API key", Critical,
        ["rubygems_"],
        r"rubygems_[0-9a-f]{48}\b",
        entropy: 3.0;
        yes ["ruby", "gems_31732bc91ed3618b2df201e5886c9184a045fc3fd840ec8c"];
        no ["ruby", "gems_fdb81779"];
    token "nuget-api-key", "NuGet API key", High,
        ["oy2"],
        r"oy2[0-9a-z]{43}\b",
        entropy: 3.8, inner: true;
        yes ["o", "y2eapvjaqy91xyw8ugh015d8t1enlgfxfhh6z92pbntkf"];
        no ["o", "y2s6bf7mq93"];
    text "nuget-clear-text-password", "Password in a NuGet configuration", High,
        ["ClearTextPassword"],
        r#"ClearTextPassword"?\s{0,4}value\s{0,2}=\s{0,2}"([^"\s]{4,200})""#;
        yes ["<add key=\"ClearText", "Password\" value=\"", "3kLn77uWczFPlYni", "\" />"];
        no ["<add key=\"ClearText", "Password\" value=\"%NUGET_PASSWORD%\" />"];
    text "crates-io-token", "crates.io token", High,
        ["\"cio", "'cio", "=cio", " cio", "Ncio"],
        r".(cio[0-9A-Za-z]{32})\b",
        entropy: 3.8, strong: true, ignore_case: false;
        yes ["token = \"ci", "o", "giItB9OqMk1yiD9xeTA4wNzBx72imt8A", "\""];
        no ["token = \"ci", "oeFfHKM7wW\""];
    token "docker-hub-token", "Docker Hub token", Critical,
        ["dckr_pat_", "dckr_oat_"],
        r"dckr_[po]at_[0-9A-Za-z_\-]{27,32}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["dckr_", "pat_33kVZki5ELPjJTsAtcVCtastcSy"];
        no ["dckr_", "pat_PS4KZPHr0"];
    text "docker-config-auth", "Registry password in a Docker configuration", High,
        ["\"auth\"", "\"identitytoken\""],
        r#""(?:auth|identitytoken)"\s{0,8}:\s{0,8}"([0-9A-Za-z+/=_\-.]{8,})""#,
        reach: 400, entropy: 2.5, paths: &[".docker/config.json", ".dockercfg", ".dockerconfigjson", "containers/auth.json", "kaniko/.docker/config.json"];
        yes ["{\"auths\":{\"r.io\":{\"au", "th\":\"", "WY0OTwsT44XhS3aDkSia8p0b967X", "\"}}}"];
        no ["{\"auths\":{\"r.io\":{\"au", "th\":\"\"}}}"];
    token "artifactory-api-key", "Artifactory API key", High,
        ["AKCp"],
        r"AKCp[0-9A-Za-z]{69}\b",
        entropy: 4.0;
        yes ["AK", "Cp0ChrIdkSmyfgLiXPuREM5rrZ5jhN6wNbWjcgu2k95jnXZpg3x8z9MeV98lZTDISFSdDaV"];
        no ["AK", "CpcAcCtYIqj"];
    token "artifactory-reference-token", "Artifactory reference token", High,
        ["cmVmdGtuO"],
        r"cmVmdGtuO[0-9A-Za-z]{55}\b",
        entropy: 4.0;
        yes ["cmVm", "dGtuO609u0RTHmfXWIwKUKkZXv7IGt2WWSVgvR7deqj0RDHrqhJ0Fg9n4uEz"];
        no ["cmVm", "dGtuOcOEh5"];
    text "maven-settings-password", "Password in Maven's settings", High,
        ["<password>", "<passphrase>"],
        r"<(?:password|passphrase)>\s{0,8}([^<>\s]{4,200})\s{0,8}</",
        paths: &["settings.xml", "settings-security.xml"];
        yes ["<pass", "word>", "DahUaWU1hfb7fR", "</password>"];
        no ["<pass", "word>${env.PASSWORD}</password>"];
    text "netrc-password", "Password in a .netrc file", High,
        ["machine"],
        r"machine\s+\S{1,200}\s+login\s+\S{1,200}\s+password\s+(\S{4,200})",
        reach: 700, paths: &[".netrc", "_netrc", ".authinfo"];
        yes ["machine", " git.acme.io login ci password ", "ETr5uNfyVr7UFw", "\n"];
        no ["machine", " git.acme.io login ci password $TOKEN\n"];
    text "pgpass-password", "Password in a .pgpass file", High,
        [":543"],
        r":543[0-9]:[^:\n]{1,64}:[^:\n]{1,64}:([^\n]{4,200})",
        paths: &[".pgpass", "pgpass.conf"];
        yes ["db.acme.io:54", "32:app:app:", "RKXz5ZkTimcsuq", "\n"];
        no ["db.acme.io:54", "32:app\n"];
    token "clojars-token", "Clojars deploy token", High,
        ["CLOJARS_"],
        r"CLOJARS_[0-9a-f]{60}\b",
        entropy: 3.0;
        yes ["CLO", "JARS_089cf5b0a56e8859e04abd46c4becee0e3b3dabc78618b3fb415d9c0e633"];
        no ["CLO", "JARS_afe100"];
    token "cloudsmith-packagist-token", "Private Packagist token", High,
        ["packagist_"],
        r"packagist_[ou][rua]t_[0-9a-f]{68}\b",
        entropy: 3.0;
        yes ["pack", "agist_out_f87e054b92833fc4aef2c74f647e1f469047d6682053b1dae88774597f40f7e3c20c"];
        no ["pack", "agist_out_a5986e9f"];

    // Chat.
    token "slack-bot-token", "Slack bot token", High,
        ["xoxb-"],
        r"xoxb-[0-9]{8,14}-[0-9A-Za-z\-]{18,}",
        entropy: 3.0;
        yes ["xo", "xb-836142572228-599815917994-Gpu6lfUACrnoRKTbT5dNQpdc"];
        no ["xo", "xb-760337590478"];
    token "slack-user-token", "Slack user token", High,
        ["xoxp-", "xoxe-1", "xoxe.x"],
        r"xox[pe](?:\.xox[bp])?-(?:[0-9]{1,14}-){1,4}[0-9A-Za-z\-]{28,200}",
        reach: 400, entropy: 3.0;
        yes ["xo", "xp-583867946783-890239767848-317059172272-b7415c60bd59557239b5c5a6fce15985"];
        no ["xo", "xp-589733000166"];
    token "slack-app-token", "Slack app token", High,
        ["xapp-"],
        r"xapp-[0-9]-[0-9A-Z]{8,14}-[0-9]{8,14}-[0-9a-zA-Z]{32,}",
        entropy: 3.0;
        yes ["xa", "pp-1-A6U3ZXV0GEW-6308271692734-ae1a4026e7971ba9f15bd823915aa12ebed65c1dd10f23c2337d30824d3dbcfd"];
        no ["xa", "pp-1-ARNTTPR1MG7"];
    token "slack-legacy-token", "Slack workspace token, old form", High,
        ["xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxd-"],
        r"xox[arsod]-[0-9A-Za-z%\-]{30,250}",
        reach: 400, entropy: 3.0;
        yes ["xo", "xs-696953520105-764029616602-d382e5a69342064454a0ca34f5396720"];
        no ["xo", "xs-766131127185"];
    text "slack-webhook", "Slack webhook", High,
        ["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(T?[0-9A-Z]{8,12}/[0-9A-Z]{8,20}/[0-9A-Za-z/]{20,64})",
        entropy: 3.0, strong: true;
        yes ["https://hooks.slack", ".com/services/", "TC1HLDM1C9/BTXR1TT0MM/ZLZuhBAKG8atnaAd5IA3x9kw"];
        no ["https://hooks.slack", ".com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"];
    vendor "discord-token", "Discord bot token or client secret", High,
        ["discord"],
        r"[0-9A-Za-z_\-]{24,28}\.[0-9A-Za-z_\-]{6}\.[0-9A-Za-z_\-]{27,38}|[0-9A-Za-z_\-]{32}",
        entropy: 4.0;
        yes ["DISCORD_", "TOKEN=", "MrITGHEfRT5YcNui6KMsNAtd.UPrDjR.pSGT2UnohS3SOdbU3vq3CTY4aqq"];
        no ["DISCORD_", "TOKEN=PQ0AoGl6z"];
    text "discord-webhook", "Discord webhook", High,
        ["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/([0-9]{17,20}/[0-9A-Za-z_\-]{60,80})",
        entropy: 4.0, strong: true;
        yes ["https://discord.", "com/api/webhooks/", "290687778956782803/JdMYEGQkffcMOGYrQDN2Ckcfwdok-_FAMjgeNV-HKfZ2o2J2iLZTUO2IemLWhH5wvetl"];
        no ["https://discord.", "com/api/webhooks/1234/abc"];
    token "telegram-bot-token", "Telegram bot token", High,
        [":AA"],
        r"[0-9]{8,10}:AA[0-9A-Za-z_\-]{33}(?:[^0-9A-Za-z_\-]|$)",
        back: (8, 10), entropy: 4.0;
        yes ["0526383154", ":AA", "Cc0t2_3vR5jWlZs08wAj2y2K7R2KZdQqJ"];
        no ["3649536180", ":AA", "iKWq-kRvF"];
    text "teams-webhook", "Microsoft Teams webhook", High,
        ["webhook.office.com/webhookb2/"],
        r"webhook\.office\.com/webhookb2/([0-9a-f\-]{36}@[0-9a-f\-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f\-]{36})",
        entropy: 3.0, strong: true;
        yes ["https://acme.webhook.office.", "com/webhookb2/", "d557f5a5-0853-4964-a9a5-a840f6a692ca@02bf8124-8f15-4ce1-a9ab-fe7f38f0c9a3/IncomingWebhook/b551023103b9684f50924a7e89ebffb0/fe8a9aa7-83e9-41da-a65d-bc980e0140ef"];
        no ["https://acme.webhook.office.", "com/webhookb2/329179d6-7c5e-4426-a3ad-3fc8ea63a1be"];
    vendor "mattermost-token", "Mattermost token", Medium,
        ["mattermost"],
        r"[0-9a-z]{26}",
        entropy: 3.5;
        yes ["MATTERMOST_", "TOKEN=", "z4kkgmsltqkjggjyqz64oc3kgn"];
        no ["MATTERMOST_", "TOKEN=v0jnw9vr9"];
    token "facebook-access-token", "Facebook access token", High,
        ["EAAM", "EAAC", "EAAB", "EAAG"],
        r"EAA[MCBG][0-9A-Za-z]{100,}\b",
        entropy: 4.5, inner: true, strong: false;
        yes ["EA", "ACwnwIsk4HQYRa8CObyRQTD9ZM1hppK1ODkHWDq6zLaSdJKnOYGkwyLTCv6sUp8SVcIMaA6FzAV3RbKW442HD34OchHlRbmZkGZlL63lz3iBu7cznTngfBiM3M"];
        no ["EA", "ACDu3WR65nGgpJ"];
    vendor "facebook-secret", "Facebook app secret", High,
        ["facebook"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["FACEBOOK_", "APP_SECRET=", "4507d2186734d2be3b229fa6bed2a275"];
        no ["FACEBOOK_", "APP_ID=730ee5eaf881d0657c5e0d2187824a2c"];
    vendor "twitter-secret", "X (Twitter) secret", High,
        ["twitter"],
        r"[0-9A-Za-z]{50}|[0-9A-Za-z]{45}|[0-9]{15,25}-[0-9A-Za-z]{20,40}",
        entropy: 3.8;
        yes ["TWITTER_", "API_SECRET=", "gealhJqy0wb9qCKRb3OaF4ZGZynH1zUBcTXFsTntLpgnYfrPhF"];
        no ["TWITTER_", "API_SECRET=Ziayvuvfz"];
    vendor "linkedin-secret", "LinkedIn client secret", Medium,
        ["linkedin"],
        r"[0-9A-Za-z]{16}",
        entropy: 3.5;
        yes ["LINKEDIN_", "CLIENT_SECRET=", "04eq54XaKhvJ2hci"];
        no ["LINKEDIN_", "CLIENT_SECRET=suRWUIuyY"];
    vendor "twitch-token", "Twitch token", Medium,
        ["twitch"],
        r"[0-9a-z]{30}",
        entropy: 3.5;
        yes ["TWITCH_", "CLIENT_SECRET=", "o540jt0tgk9zc9ms5um0my09seurey"];
        no ["TWITCH_", "CLIENT_SECRET=paso2zips"];

    // Payment.
    token "stripe-secret-key", "Stripe secret key", Critical,
        ["sk_live_", "rk_live_"],
        r"[sr]k_live_[0-9A-Za-z]{16,247}\b",
        reach: 320, entropy: 3.5;
        yes ["sk_", "live_qMwmbeNsqRA5L8yHOYYaI22C"];
        no ["sk_", "live_WeGQiI"];
    token "stripe-test-key", "Stripe secret key for tests", Low,
        ["sk_test_", "rk_test_"],
        r"[sr]k_test_[0-9A-Za-z]{16,247}\b",
        reach: 320, entropy: 3.5;
        yes ["sk_", "test_UdVzN4pDjS9OFSN1Oba57QJu"];
        no ["sk_", "test_3VFQCX"];
    token "stripe-webhook-secret", "Stripe webhook secret", Medium,
        ["whsec_"],
        r"whsec_[0-9A-Za-z+/]{32,64}\b",
        entropy: 3.8;
        yes ["wh", "sec_TT30byaCX4vobiep6blWuFEhzgQgxhmr"];
        no ["wh", "sec_ZS054v"];
    token "square-access-token", "Square access token", Critical,
        ["sq0atp-", "sq0csp-"],
        r"sq0(?:atp-[0-9A-Za-z_\-]{22}|csp-[0-9A-Za-z_\-]{43})(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["sq0", "atp-UBt2uaRDc5DsTmvavehms7"];
        no ["sq0", "atp-AJj1gQ"];
    token "braintree-access-token", "PayPal Braintree access token", Critical,
        ["access_token$production$"],
        r"access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}\b",
        entropy: 3.0;
        yes ["access_token$", "production$7yhq3cvik5t9qnzv$82d9b920889d8a3bb4da3f3111a79d3c"];
        no ["access_token$", "production$4ly0r439zjzjtsc6"];
    vendor "paypal-secret", "PayPal client secret", High,
        ["paypal", "braintree"],
        r"E[0-9A-Za-z_\-]{79}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["PAYPAL_", "CLIENT_SECRET=", "E24j-km6vsX2hOqdqT8OrRlsqEY5OeIerQHevbpqAq9GP1E00Ol7SvQ1NmS_XazdcPhqWxc4oJcnmh_0"];
        no ["PAYPAL_", "CLIENT_SECRET=EndnmmKXWJ"];
    token "shopify-token", "Shopify token", High,
        ["shpat_", "shpca_", "shppa_", "shpss_"],
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
        entropy: 3.0;
        yes ["sh", "pat_d08a405b45a03eb383be0ad30025e7ef"];
        no ["sh", "pat_8ac72d"];
    vendor "adyen-api-key", "Adyen API key", High,
        ["adyen"],
        r"AQE[0-9A-Za-z+/=\-]{60,250}",
        reach: 400, entropy: 4.0;
        yes ["ADYEN_", "API_KEY=", "AQE7xcEJ8MSowS+53sSMg5tBy070aKhf+VW0dyZjn19b3p8qiimB9PNCo6+oOIo83UecHzTo2Nj55YivKM1dM6wPl4N7i"];
        no ["ADYEN_", "API_KEY=AQEXUMNRRaZ4"];
    token "flutterwave-secret-key", "Flutterwave secret key", High,
        ["FLWSECK-", "FLWSECK_"],
        r"FLWSECK(?:_TEST)?-[0-9a-fA-F]{32}-X\b",
        entropy: 3.0;
        yes ["FLW", "SECK-ec48b44b8bb6503e8c5a9ee570f28be4-X"];
        no ["FLW", "SECK-bd804ad8f8670b9e6b348d4a91603edd"];
    token "razorpay-key", "Razorpay key ID", Medium,
        ["rzp_live_"],
        r"rzp_live_[0-9A-Za-z]{14}\b",
        entropy: 3.0;
        yes ["rzp_", "live_P18i6lsX5T8XJf"];
        no ["rzp_", "live_OKvM"];
    vendor "plaid-secret", "Plaid secret", High,
        ["plaid"],
        r"[0-9a-f]{30}",
        entropy: 3.0;
        yes ["PLAID_", "SECRET_KEY=", "865a51708ba57929ffe575e915e347"];
        no ["PLAID_", "CLIENT_ID=6313088bf9598e7c16b79249dd2f08"];
    vendor "coinbase-token", "Coinbase token", High,
        ["coinbase"],
        r"[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["COINBASE_", "ACCESS_TOKEN=", "uxHCuu1vaBSxsF4Av5yasMQSzhP4Ta6DDUvFfB9Sllh9pJvaksvFJLMZF9ItMLAl"];
        no ["COINBASE_", "ACCESS_TOKEN=mwFE"];
    vendor "mollie-api-key", "Mollie API key", High,
        ["mollie"],
        r"live_[0-9A-Za-z]{30}",
        entropy: 3.5;
        yes ["MOLLIE_", "API_KEY=", "live_Pi455GDH8gYThHZ05NoW7kgt1tCWeZ"];
        no ["MOLLIE_", "API_KEY=live_oePg6"];
    token "shippo-token", "Shippo token", Medium,
        ["shippo_live_"],
        r"shippo_live_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["shippo_", "live_a11256e0f8ecc32da16e2d2ebacbdb8c1cf47116"];
        no ["shippo_", "live_5bc1"];
    token "easypost-api-key", "EasyPost API key", High,
        ["EZAK"],
        r"EZAK[0-9A-Za-z]{54}\b",
        entropy: 4.0;
        yes ["EZ", "AKXk2jlKrqwBFZZWTyh1UGktLzgVUOXkARQ7DJGB81a0lwfzlm7FbQ1y"];
        no ["EZ", "AK53Oo"];

    // Mail and telephony.
    vendor "twilio-api-key", "Twilio API key or token", High,
        ["twilio"],
        r"SK[0-9a-f]{32}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["TWILIO_", "AUTH_TOKEN=", "cd907a7a0ba54042055d3efe4f0b5d91"];
        no ["TWILIO_", "ACCOUNT_SID=ACd4f2c06403f56cffb47ddb6cf7bde15d"];
    token "sendgrid-api-key", "SendGrid API key", High,
        ["SG."],
        r"SG\.[0-9A-Za-z_\-]{22}\.[0-9A-Za-z_\-]{43}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["S", "G._-D7WTEPDPTM5C2H8CjyTm.wCI2ddQ4YQJB4wDRYSkSdOjKLeuEoT9zGHVbYQNHaDv"];
        no ["S", "G.CoPHzZ4EkEDQKUIA6qVM7W"];
    token "brevo-api-key", "Brevo (Sendinblue) API key", High,
        ["xkeysib-", "xsmtpsib-"],
        r"x(?:key|smtp)sib-[0-9a-f]{64}-[0-9A-Za-z]{16}\b",
        entropy: 3.5;
        yes ["xkey", "sib-86b7232f59838ebb537ead9d5a5336d9ab3df2c8a03b2ced6e05ea09b6a0e107-iH7psThZS3Q8cjvn"];
        no ["xkey", "sib-ba667c20093baa64372c65419e2b7535a95ab2aaee69b77af5d4ca6985dc1897"];
    token "mailgun-api-key", "Mailgun API key", High,
        ["key-"],
        r"key-[0-9a-f]{32}\b",
        entropy: 3.0, strong: false;
        yes ["ke", "y-6243c5f3ab6488cb836fbcd05c14c962"];
        no ["ke", "y-2cf71eaeb"];
    vendor "mailgun-signing-key", "Mailgun signing key", High,
        ["mailgun"],
        r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        entropy: 3.0;
        yes ["MAILGUN_", "SIGNING_KEY=", "3562f79dff9cc45a3a522ac69b1e0419-da67578a-e1bd8631"];
        no ["MAILGUN_", "SIGNING_KEY=6e149c77"];
    token "mailchimp-api-key", "Mailchimp API key", High,
        ["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
        r"[0-9a-f]{32}-us[0-9]{1,2}\b",
        back: (32, 32), entropy: 3.0;
        yes ["28c14265e57a9bed", "83ff7d6995bc9c11", "-us14"];
        no ["18c19cd9a62e7019", "-us14"];
    vendor "mailjet-secret", "Mailjet secret", Medium,
        ["mailjet"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["MAILJET_", "SECRET_KEY=", "4514c3b180f34d42feabef7c9bd2a906"];
        no ["MAILJET_", "SECRET_KEY=547"];
    vendor "postmark-token", "Postmark server token", Medium,
        ["postmark"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["POSTMARK_", "SERVER_TOKEN=", "b2d577c0-ed18-4278-a5b9-23e659c78457"];
        no ["POSTMARK_", "ID=40431bd5-4b31-4aec-ac6d-f4022cae4e6e"];
    vendor "messagebird-token", "MessageBird token", Medium,
        ["messagebird"],
        r"[0-9A-Za-z]{25}",
        entropy: 3.5;
        yes ["MESSAGEBIRD_", "API_TOKEN=", "uBOItXBstnQmUVDHgVVM3sNdQ"];
        no ["MESSAGEBIRD_", "API_TOKEN=vLepg"];

    // Observability.
    vendor "datadog-api-key", "Datadog API or application key", High,
        ["datadog", "dd_api", "dd_app"],
        r"[0-9a-f]{40}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["DD_API_", "KEY=", "eb09d1a3c21fa46d31aab8f0680082f0"];
        no ["DATADOG_", "SITE_ID=1f7f03b8702488541580c5e681a78a02"];
    token "newrelic-user-key", "New Relic user key", High,
        ["NRAK-"],
        r"NRAK-[0-9A-Z]{27}\b",
        entropy: 3.5;
        yes ["NR", "AK-ISIGBZXEKCN55UL7MNOKSQ07OHC"];
        no ["NR", "AK-D7YLYCC"];
    token "newrelic-insert-key", "New Relic insert key", Medium,
        ["NRII-"],
        r"NRII-[0-9A-Za-z_\-]{32}",
        entropy: 3.5;
        yes ["NR", "II-yyYlXMd5jFa4UaDX2gRRtlFfsBiKx5Vv"];
        no ["NR", "II-q6L"];
    token "newrelic-licence-key", "New Relic licence key", Medium,
        ["NRAL"],
        r"[0-9a-f]{32,36}NRAL\b",
        back: (32, 36), entropy: 3.0;
        yes ["a5072c2f985d342624ba", "033e9ee57118cbe7", "NRAL"];
        no ["ae87e442ab48d4ce5a77", "NRAL"];
    token "grafana-service-account-token", "Grafana service account token", High,
        ["glsa_"],
        r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}\b",
        entropy: 3.5;
        yes ["gl", "sa_wxPqRGudfryDyCNbZFE80X6oLGVHAy5u_be3ecb7e"];
        no ["gl", "sa_n6dcp6v6M42eVt8bmxb3fhEX242IpaMq"];
    token "grafana-cloud-token", "Grafana Cloud token", High,
        ["glc_ey"],
        r"glc_ey[0-9A-Za-z+/]{32,400}={0,2}",
        reach: 500, entropy: 4.0;
        yes ["gl", "c_eyJvnc295lgDgAmEKEVtmxxOF8QEtfRqCjcWric7mBSck3DUvZRB4T52O53UyLCcmOiGiGnQRQUuIT30iKZM"];
        no ["gl", "c_eyJvY4qsGxZW"];
    token "grafana-api-key", "Grafana API key, old form", High,
        ["eyJrIjoi"],
        r"eyJrIjoi[0-9A-Za-z+/]{60,400}={0,2}",
        reach: 500, entropy: 4.0;
        yes ["eyJr", "IjoiEw1fHY0OgzTX3uFOKKY26uqNcBecmxv7m8wZeFITDc8f5aYOiydxII9jbyO7gDcyB28FtIDQCSbXAQJroqodENA1ED"];
        no ["eyJr", "Ijoim6bkWG2vg"];
    token "sentry-token", "Sentry token", High,
        ["sntrys_", "sntryu_"],
        r"sntry(?:u_[0-9a-f]{64}|s_eyJ[0-9A-Za-z+/=_]{80,300})",
        reach: 400, entropy: 3.0;
        yes ["sntr", "yu_bd9ce85dcc2f8ab0aa7660c639a7b04237b0c14cd7f5b2c73f91c2a3e051c075"];
        no ["sntr", "yu_99e8c3"];
    token "dynatrace-token", "Dynatrace token", High,
        ["dt0c01.", "dt0s01.", "dt0s16."],
        r"dt0[cs][01][16]\.[0-9A-Z]{8,24}\.[0-9A-Z]{64}\b",
        entropy: 3.8;
        yes ["dt0", "c01.SY5KE57VZFU32FA5GUJL34VA.CVZDW88YJ738KNTN95P4TXZMSOUXSBKV0LMTUES0X1KA78VUJBVY505IBJ096MAS"];
        no ["dt0", "c01.SQGYGU8AT2PNLMJEPYXYPBRO"];
    vendor "pagerduty-token", "PagerDuty token", Medium,
        ["pagerduty", "pager_duty"],
        r"[0-9A-Za-z_+\-]{20}",
        entropy: 3.8;
        yes ["PAGERDUTY_", "TOKEN=", "pMfjCOWe9cNDPzcUh3rg"];
        no ["PAGERDUTY_", "TOKEN=DW"];
    token "honeycomb-api-key", "Honeycomb key", Medium,
        ["hcaik_", "hcxik_", "hcamk_"],
        r"hc[ax][im]k_[0-9a-z]{58}\b",
        entropy: 3.8;
        yes ["hca", "ik_kh442txcyfiuud97ymtieepvxrf9cibqna44c69f8m9v38czy8t72jvkx4"];
        no ["hca", "ik_v76avf7f"];
    vendor "sumologic-key", "Sumo Logic access key", Medium,
        ["sumologic", "sumo_"],
        r"[0-9A-Za-z]{64}",
        entropy: 4.0;
        yes ["SUMOLOGIC_", "ACCESS_KEY=", "ovxQtOhojjnyFO1nAnnOnrbuvua543wRsPifVfKdCihiOGxkKK26Jv2hoyq0bRuP"];
        no ["SUMOLOGIC_", "ACCESS_KEY=IW40"];
    vendor "rollbar-token", "Rollbar access token", Medium,
        ["rollbar"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ROLLBAR_", "ACCESS_TOKEN=", "b7916c317484ea08b2e4cfd2ad72119e"];
        no ["ROLLBAR_", "ACCESS_TOKEN=a1"];
    vendor "honeybadger-api-key", "Honeybadger or Airbrake API key", Medium,
        ["honeybadger", "airbrake"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.0;
        yes ["AIRBRAKE_", "API_KEY=", "662e309071a9b844a1b28007615bba04"];
        no ["AIRBRAKE_", "API_KEY=f4"];

    // Services.
    vendor "okta-token", "Okta API token", High,
        ["okta"],
        r"00[0-9A-Za-z_\-]{40}",
        entropy: 4.0;
        yes ["OKTA_", "API_TOKEN=", "006Hay7Yw68O5xXFIgGPmjkkRQ-ATcZ0sWYqcAfHuM"];
        no ["OKTA_", "API_TOKEN=00geFY"];
    vendor "auth0-client-secret", "Auth0 client secret", High,
        ["auth0"],
        r"[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["AUTH0_", "CLIENT_SECRET=", "H6s6URiIOJHfTrHFXf3eEedC8Qh2N2K4O0navfrktUedlo5GgZjtFSnASRkwGxEq"];
        no ["AUTH0_", "CLIENT_SECRET=nQqH"];
    token "atlassian-api-token", "Atlassian API token", High,
        ["ATATT3xFf", "ATCTT3xFf"],
        r"AT[AC]TT3xFf[0-9A-Za-z_=\-]{100,250}",
        reach: 400, entropy: 4.0;
        yes ["ATATT", "3xFfGF09yMMHDO1JLf7Z7RSxVOERDhH6ZfOrPQ25eQo23pEx0_9hNiGhW6TAHGMzDfOtaimjvSVsDFQwAnajYzkTJVJOeAFwxdBj8bPt58YVcsUiH3qKzJJapdx5QJl2zyD7G-WwMpzGat_IdrKdiAEr9Lwl4oRI9C8RKmiV3VwJkbEdW=CB283D9F"];
        no ["ATATT", "3xFfGF0xV3jHDbvhE1-ev_Cq"];
    vendor "atlassian-api-token-legacy", "Atlassian API token, old form", Medium,
        ["atlassian", "confluence", "jira"],
        r"[0-9A-Za-z]{24}",
        entropy: 3.8;
        yes ["JIRA_", "API_TOKEN=", "eLo2GpEoqsk6T4fSfbPN9FFN"];
        no ["JIRA_", "API_TOKEN=SFX4"];
    vendor "asana-token", "Asana token", Medium,
        ["asana"],
        r"[0-9]/[0-9]{16}:[0-9a-f]{32}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ASANA_", "ACCESS_TOKEN=", "1/3063182540053102:4a870f8692fe14ae931024e0b0b7cfec"];
        no ["ASANA_", "ACCESS_TOKEN=1/904896"];
    token "linear-api-key", "Linear API key", High,
        ["lin_api_", "lin_oauth_"],
        r"lin_(?:api|oauth)_[0-9A-Za-z]{40,64}\b",
        entropy: 3.8;
        yes ["lin_", "api_BI84j7TNFuhqiEhdPoOVVyBepUdaXjDV8pmcT1NA"];
        no ["lin_", "api_vB9V"];
    token "notion-token", "Notion token", High,
        ["ntn_"],
        r"ntn_[0-9]{11}[0-9A-Za-z]{35}\b",
        entropy: 3.8;
        yes ["nt", "n_672441986023bcrsXtkziKStPNenbYxBLrxcnfLfsBWPVC"];
        no ["nt", "n_76683097790"];
    token "notion-token-legacy", "Notion token, old form", High,
        ["secret_"],
        r"secret_[0-9A-Za-z]{43}\b",
        entropy: 4.2, strong: false;
        yes ["sec", "ret_mHx7R97FcmorxZRHNNTTZgToZnw3dxQjnvA98KDRo3n"];
        no ["sec", "ret_of_the_old_mill"];
    token "figma-token", "Figma token", High,
        ["figd_", "figo_"],
        r"fig[do]_[0-9A-Za-z_\-]{40}",
        entropy: 3.8;
        yes ["fi", "gd_fQKEGdv9EuoqwLk11u3fe7kUYjR6TfzWNXssFzrT"];
        no ["fi", "gd_pHgK"];
    vendor "airtable-token", "Airtable token", High,
        ["airtable"],
        r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}|key[0-9A-Za-z]{14}",
        entropy: 3.0;
        yes ["AIRTABLE_", "API_KEY=", "patmriJWBhvEqbqOW.1a38ddeb801a43ccb1fae35d25eabc76d1bf5a53f481ffa14347ea9756f682d3"];
        no ["AIRTABLE_", "API_KEY=patburM"];
    vendor "algolia-api-key", "Algolia API key", Medium,
        ["algolia"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ALGOLIA_", "ADMIN_KEY=", "5adb5d500c335de5560890b0f3e7ddc0"];
        no ["ALGOLIA_", "APP_ID=fe4985b52b7dfbfb0433fa695cbae1d0"];
    token "contentful-token", "Contentful management token", High,
        ["CFPAT-"],
        r"CFPAT-[0-9A-Za-z_\-]{43}",
        entropy: 3.8;
        yes ["CF", "PAT-syNS06OTr3uOHbBinZDXhEeF4dAVsPUzikdSNnycvAH"];
        no ["CF", "PAT-UKn6"];
    token "postman-api-key", "Postman API key", High,
        ["PMAK-"],
        r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b",
        entropy: 3.0;
        yes ["PM", "AK-1526514b4595860db10899fc-5246f140c4b7c0d395066435ce96d2bb65"];
        no ["PM", "AK-d7ca9da004573eac177a8ab5"];
    token "databricks-token", "Databricks token", High,
        ["dapi"],
        r"dapi[0-9a-f]{32}(?:-[0-9])?\b",
        entropy: 3.0;
        yes ["da", "pief8327d4ad5ebefa377c2dfab478b7f6"];
        no ["da", "pi9de"];
    vendor "snowflake-password", "Snowflake password or token", High,
        ["snowflake"],
        r"[0-9A-Za-z_.!@#%^*+\-]{10,200}",
        entropy: 3.5, config_only: true;
        yes ["SNOWFLAKE_", "PASSWORD=", "nGxFZ5oCggAIn33F"];
        no ["SNOWFLAKE_", "PASSWORD=changeme1234"];
    token "vault-token", "HashiCorp Vault token", Critical,
        ["hvs.", "hvb.", "hvr."],
        r"hv[sbr]\.[0-9A-Za-z_\-]{24,300}",
        reach: 400, entropy: 3.8;
        yes ["hv", "s.iZbshFsqkKQditRSQEDGsgY7Td7pYf8ZqMKeDHvkGPJy2P0rnnsJqQZw7IybDXIpv3LOz2bIyLeEavLxI2EhpUzEvu"];
        no ["hv", "s.dJnVZcqA4"];
    vendor "vault-token-legacy", "HashiCorp Vault token, old form", High,
        ["vault"],
        r"[sb]\.[0-9A-Za-z]{24}",
        entropy: 3.5;
        yes ["VAULT_", "TOKEN=", "s.gsnRmiVYOdbZXY3fqKhwYTZB"];
        no ["VAULT_", "TOKEN=s.n70N"];
    token "terraform-cloud-token", "HCP Terraform token", Critical,
        [".atlasv1."],
        r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_\-]{60,70}",
        back: (14, 14), entropy: 4.0;
        yes ["YPngBza9MyUSzW", ".atlas", "v1.TN990SmBimKYtjtJKlQeyoGneUkBmlbhWQYxiq1Kw7JomUf66C-Y8_J-mvplx6a0b9-"];
        no ["d49HmywB8adIYJ", ".atlas", "v1.6XR81da"];
    vendor "consul-token", "HashiCorp Consul or Nomad token", High,
        ["consul", "nomad"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["CONSUL_HTTP_", "TOKEN=", "89105711-3b5f-4728-a460-8fd77d457221"];
        no ["CONSUL_", "NODE_ID=8f02b24d-d063-4479-a057-e4b714a734da"];
    token "doppler-token", "Doppler token", High,
        ["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[0-9A-Za-z]{40,44}\b",
        entropy: 3.8;
        yes ["dp.", "pt.h2Mpisi2IpVqCZt1V2Ed1To0IWSYxgYaaYboMTOt8cM"];
        no ["dp.", "pt.bkaM"];
    token "pulumi-token", "Pulumi access token", High,
        ["pul-"],
        r"pul-[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["pu", "l-d850839345e168bfee7fe64ec1f24a25a6a8281e"];
        no ["pu", "l-13cb"];
    token "infracost-token", "Infracost API key", Medium,
        ["ico-"],
        r"ico-[0-9A-Za-z]{32}\b",
        entropy: 3.8;
        yes ["ic", "o-vG3xn0ImCpN13R76CTOzmrla613NOywp"];
        no ["ic", "o-hLw"];
    token "onepassword-service-account-token", "1Password service account token", Critical,
        ["ops_eyJ"],
        r"ops_eyJ[0-9A-Za-z+/]{250,}={0,3}",
        reach: 1500, entropy: 4.0;
        yes ["ops_", "eyJNlgVp8OLJ9aiBePaq53e/YYXnQzjvjI/ea5lSPOJBd8RozRemMmtriTCQ9vGarANc2LNyRRMJhWzMja6UzQoNMPxGtbu/WQAbD3+4tl4C/WBsekcvEbfEtEKGv3qFo3wOS7Bpb++CtoYMLODcEVii0wXBq7FZou2JFPNF/ZyJALHswr6T1j3GtDpariCFYjAU7NxyV4x3SwaSEgsXFDp5JwhwTSs02MiBpHPBLXLwiQ7Gbr/BeJUft3+VE4WpPHu222M9w4nJHJHyjwNi1htUXO4pca3db8UwVSZHQz8SNBFW3I1fThDj3xjsmlIeS0VKD+RWCrFA64GSrGxlSYY8WOu64AeH9sD6OtaRfV9I/9eyx+KARL7d85DJO2h9nTz3YmX8rsJsgi95HHM"];
        no ["ops_", "eyJj/HCpo1T8NGqMNfhNsZOhSBYxg/oZ6U8q+DVL8qv"];
    token "onepassword-secret-key", "1Password secret key", High,
        ["A3-A", "A3-B", "A3-C", "A3-D", "A3-E", "A3-F", "A3-G", "A3-H", "A3-J", "A3-K", "A3-L", "A3-M", "A3-N", "A3-P", "A3-Q", "A3-R", "A3-S", "A3-T", "A3-V", "A3-W", "A3-X", "A3-Y", "A3-Z", "A3-2", "A3-3", "A3-4", "A3-5", "A3-6", "A3-7", "A3-8", "A3-9"],
        r"A3-[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})(?:-[0-9A-Z]{5}){3}\b",
        entropy: 3.8;
        yes ["A", "3-KQ8GT9-3QVB6E-KX284-AAFI2-1879A-WOHJB"];
        no ["A", "3-KFTR3F-WBE3A9"];
    token "launchdarkly-key", "LaunchDarkly key", High,
        ["sdk-", "api-"],
        r"(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
        entropy: 3.0, strong: false;
        yes ["sd", "k-9a8639b4-badc-48f0-a02e-02e1f2de80f9"];
        no ["sd", "k-49350249"];
    token "hubspot-token", "HubSpot private app token", High,
        ["pat-na1-", "pat-eu1-", "pat-na2-", "pat-ap1-"],
        r"pat-(?:na|eu|ap)[12]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        entropy: 3.0;
        yes ["pat-", "na1-56efaa00-2cd6-409a-a21b-2f60cf0056bc"];
        no ["pat-", "na1-2b6aaacc"];
    vendor "intercom-token", "Intercom access token", Medium,
        ["intercom"],
        r"dG9r[0-9A-Za-z+/=_]{40,60}",
        entropy: 4.0;
        yes ["INTERCOM_", "ACCESS_TOKEN=", "dG9rZuTrNCkeLvilbx3QrK4XhdH7qONQtaxx1wJL7g071oTEMehrcj"];
        no ["INTERCOM_", "ACCESS_TOKEN=dG9rnhMPD"];
    vendor "zendesk-token", "Zendesk token", Medium,
        ["zendesk"],
        r"[0-9A-Za-z]{40}",
        entropy: 4.0;
        yes ["ZENDESK_", "API_TOKEN=", "lCFMpcbzWixCvmOlBQ3xJV4XE2HV7eDRAd77vpEB"];
        no ["ZENDESK_", "API_TOKEN=7VwiT"];
    token "typeform-token", "Typeform token", Medium,
        ["tfp_"],
        r"tfp_[0-9A-Za-z_.=\-]{44,59}(?:[^0-9A-Za-z_.=\-]|$)",
        entropy: 4.0;
        yes ["tf", "p_xn3owdUWfhRG61692ATJMcA27mFODotFachZ6hZPfxXwlU4l6n"];
        no ["tf", "p_I3dsQ"];
    token "tailscale-key", "Tailscale key", High,
        ["tskey-"],
        r"tskey-(?:api|auth|client|scim|webhook)-[0-9A-Za-z]{8,24}-[0-9A-Za-z]{20,48}\b",
        entropy: 3.8;
        yes ["tsk", "ey-auth-oZGkx7JmGYTEFVw9T-xcE4Z8MD3QxLp5WebSQ3LS5NGobEQwyg"];
        no ["tsk", "ey-auth-07ZUXa3t5KbjZpJry"];
    vendor "ngrok-token", "ngrok token", Medium,
        ["ngrok"],
        r"[0-9A-Za-z]{20,32}_[0-9A-Za-z]{15,25}",
        entropy: 4.0;
        yes ["NGROK_", "AUTHTOKEN=", "23O7V4BA9ZCj29LhAYBTG1UFr1x_Q87fnLOsc2YOeyaX89NeF"];
        no ["NGROK_", "AUTHTOKEN=2sSMqaM"];
    token "prefect-api-key", "Prefect API key", Medium,
        ["pnu_", "pnb_"],
        r"pn[ub]_[0-9A-Za-z]{36}\b",
        entropy: 3.8;
        yes ["pn", "u_MpYDi3KgzXJoCm17xBaU9ZctNeOQfcnDejeG"];
        no ["pn", "u_cEkIGL"];
    token "readme-api-key", "ReadMe API key", Medium,
        ["rdme_"],
        r"rdme_xn8s9h[0-9a-f]{64,70}\b",
        entropy: 3.0;
        yes ["rd", "me_xn8s9h05bc50c814a64ecd9b2961b3cd634d657e1f35c8cbf85decad8e079531b960ba"];
        no ["rd", "me_xn8s9heed663"];
    token "mapbox-secret-token", "Mapbox secret token", Medium,
        ["sk.eyJ"],
        r"sk\.eyJ[0-9A-Za-z_\-]{50,200}\.[0-9A-Za-z_\-]{22}",
        entropy: 4.0;
        yes ["sk.", "eyJ1IjoiS_Kmqe5ikscNscFt8oOoDTTBp7vCErB2RSBQPJmTB5c6beczeBL4KsOxzpgn.21BFL2lvTBLI0fT0ITU5qb"];
        no ["sk.", "eyJ1IjoiqOjfZv"];
    vendor "confluent-secret", "Confluent secret", High,
        ["confluent"],
        r"[0-9A-Za-z+/]{64}",
        entropy: 4.3;
        yes ["CONFLUENT_", "CLOUD_API_SECRET=", "uI69H1Xuhnqcsp1AJ7Uob4upxxBC2UZk9Ei1Z6roSFIn5Iw0JKbkkFnBCVpOAIkE"];
        no ["CONFLUENT_", "CLOUD_API_SECRET=nRnGu1"];
    text "cloudinary-url", "Cloudinary secret", High,
        ["cloudinary://"],
        r"cloudinary://[0-9]{10,20}:([0-9A-Za-z_\-]{20,40})@",
        entropy: 3.8, strong: true;
        yes ["cloudinary:", "//577414162216076:", "Uy5GKM5bk903cygoE760T7AQMlC", "@acme"];
        no ["cloudinary:", "//key:secret@acme"];
    token "docker-swarm-token", "Docker Swarm join token or unlock key", High,
        ["SWMTKN-1-", "SWMKEY-1-"],
        r"SWM(?:TKN-1-[0-9a-z]{50}-[0-9a-z]{25}|KEY-1-[0-9A-Za-z+/]{43})(?:[^0-9A-Za-z+/]|$)",
        entropy: 3.8;
        yes ["SWM", "TKN-1-jkm0r6cywmlckqjxk03qptm0ki8yi5sbt9gx5etxumfntsjb1j-xf7tsovkdvtlbvh8luyegc2ga"];
        no ["SWM", "TKN-1-kfiyazka4ws9y70hwk9s6savevzirlvoi41t4ehkeoz1lp8pyd"];
    vendor "dropbox-token", "Dropbox token", High,
        ["dropbox"],
        r"sl\.[0-9A-Za-z_=\-]{100,}|[0-9a-z]{64}|[0-9a-z]{15}",
        entropy: 3.2;
        yes ["DROPBOX_", "APP_SECRET=", "5lywqd07p9tmuoz"];
        no ["DROPBOX_", "APP_SECRET=t7pj2"];
    vendor "rapidapi-key", "RapidAPI key", Medium,
        ["rapidapi"],
        r"[0-9A-Za-z]{50}",
        entropy: 4.0;
        yes ["RAPIDAPI_", "KEY=", "UN4tVeaHfLJ5DcEaAmTdzWQK4EjSm9njTYkHIK9zOCV0SnnGoh"];
        no ["RAPIDAPI_", "KEY=i2Wkk"];

    // Models.
    token "anthropic-api-key", "Anthropic API key", Critical,
        ["sk-ant-"],
        r"sk-ant-(?:api|admin|sid|oat|ort)[0-9]{2}-[0-9A-Za-z_\-]{80,120}",
        entropy: 4.0;
        yes ["sk-", "ant-api03-pI-nYBoRY8kGk_ZN31uuaKuq6CawevNhonUj6l-FkhAlDuXMQ5h33vSIkefWd4yp-3m6qqsNSaiWbsRxHDd_efuiazcJsAA"];
        no ["sk-", "ant-api03-wJctEhCDWAA"];
    token "openai-api-key", "OpenAI API key", Critical,
        ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"],
        r"sk-(?:proj|svcacct|admin|None)-[0-9A-Za-z_\-]{20,100}T3BlbkFJ[0-9A-Za-z_\-]{20,100}",
        reach: 400, entropy: 4.0;
        yes ["sk-", "proj-hqyZSO_8g4hOk0uFhjjb03TwPPtD8EaWmDzNW_DPWmCH4CSLFd8Ow5SZ0-T3Blb", "kFJy5fvkQ2yMadTPBbxmDbMLLx1Wnh5MzuvOQTwinUXqTEf-NIi5bHIHbkI3U"];
        no ["sk-", "proj-ldMz-gOvF61KArrLJB9z6F2TsvTDnvQa8nnpbd18IDciz7wjyyebcIBnbi"];
    token "openai-api-key-legacy", "OpenAI API key, old form", Critical,
        ["T3BlbkFJ"],
        r"sk-[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}\b",
        back: (23, 23), entropy: 4.0;
        yes ["sk-", "r9ZewkAZVKEUqqWRfLMK", "T3Blb", "kFJMq1kEePYPDAdJEWqoitO"];
        no ["sk-", "HFRIpQxRnYHEEKtuR0cOT3Blb", "kFJef"];
    token "huggingface-token", "Hugging Face token", High,
        ["hf_", "api_org_"],
        r"(?:hf|api_org)_[A-Za-z]{34}\b",
        entropy: 3.8;
        yes ["h", "f_qvdvKgJJVTIkmfCaPozjHRfAfjSuPKLgOe"];
        no ["h", "f_IktF"];
    vendor "cohere-api-key", "Cohere API key", High,
        ["cohere", "co_api"],
        r"[0-9A-Za-z]{40}",
        entropy: 4.0;
        yes ["COHERE_", "API_KEY=", "xW61CEEObDzZoIdXTyAp5PqHkrQOnrAcIinzJYQz"];
        no ["COHERE_", "API_KEY=DBE1"];
    token "replicate-token", "Replicate token", High,
        ["r8_"],
        r"r8_[0-9A-Za-z]{37}\b",
        entropy: 3.8;
        yes ["r", "8_uzVjY8KUd27YoZAlKoB1RRd6SJJCQHMen8Wzg"];
        no ["r", "8_QsBpSod"];
    token "groq-api-key", "Groq API key", High,
        ["gsk_"],
        r"gsk_[0-9A-Za-z]{52}\b",
        entropy: 4.0;
        yes ["gs", "k_fhinktHsqqB9geBh8hGsScjUrGy3Ju32jxQjauYOJKuL6w2v1xkc"];
        no ["gs", "k_X2VSi"];
    token "perplexity-api-key", "Perplexity API key", High,
        ["pplx-"],
        r"pplx-[0-9A-Za-z]{48}\b",
        entropy: 4.0;
        yes ["pp", "lx-qIQxGcfQ6tZ3HFYFb2iUPzp0DnEQPfV66kPDmYwYbnd7hx3l"];
        no ["pp", "lx-npbj"];
    token "xai-api-key", "xAI API key", High,
        ["xai-"],
        r"xai-[0-9A-Za-z]{80}\b",
        entropy: 4.0;
        yes ["xa", "i-WhTTB6Ow9bCGDe07K4amlRYBNdkCr55RFkqo4rsG7CpNwc5Yb1KyYelUYWERy6FjFBt0Ud2vxREWYou3"];
        no ["xa", "i-YWAp0uny"];
    token "openrouter-api-key", "OpenRouter API key", High,
        ["sk-or-v1-"],
        r"sk-or-v1-[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["sk-", "or-v1-89aebd443fc44c9b2fce51732b8d77549726debf574d8795651f7462c69df1fc"];
        no ["sk-", "or-v1-fa94bc"];
    token "langsmith-api-key", "LangSmith API key", High,
        ["lsv2_"],
        r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b",
        entropy: 3.0;
        yes ["lsv", "2_pt_e4cf3849625f77082449da3e557cf465_7d16406434"];
        no ["lsv", "2_pt_154648120348232ddd0e8327a7699333"];
    token "pinecone-api-key", "Pinecone API key", High,
        ["pcsk_"],
        r"pcsk_[0-9A-Za-z]{5,7}_[0-9A-Za-z]{60,64}\b",
        entropy: 4.0;
        yes ["pc", "sk_bNCrrb_MJqxQaR9UNaF30JQZGNeHtajsrr4Z2tvaheplSStY5mrjqgJge2Q9D8zySDo7jy"];
        no ["pc", "sk_SjOmuM"];
    token "nvidia-api-key", "NVIDIA API key", High,
        ["nvapi-"],
        r"nvapi-[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["nv", "api-xO61MZsDT9vyUXbQ3TFpNBIbKHhmE2OPcayqITzysmIc-MXhqhF8g4VK38AbweB0"];
        no ["nv", "api-CVPF5G"];
    vendor "wandb-api-key", "Weights & Biases API key", High,
        ["wandb"],
        r"[0-9a-f]{40}",
        entropy: 3.0;
        yes ["WANDB_", "API_KEY=", "1187a9e8851118bacd7c6829e2ab69bef4275e8d"];
        no ["WANDB_", "API_KEY=6b78"];
    vendor "mistral-api-key", "Mistral API key", High,
        ["mistral"],
        r"[0-9A-Za-z]{32}",
        entropy: 4.0;
        yes ["MISTRAL_", "API_KEY=", "4LUXhOxcPb2YfoPWUKRY0pYqC95GzZUG"];
        no ["MISTRAL_", "API_KEY=WFy"];
    vendor "elevenlabs-api-key", "ElevenLabs API key", Medium,
        ["elevenlabs", "eleven_labs", "xi-api"],
        r"sk_[0-9a-f]{48}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ELEVENLABS_", "API_KEY=", "sk_2052fc6d18be75d4a75a02639f00d9533df53e3fe775a9bb"];
        no ["ELEVENLABS_", "API_KEY=sk_8756"];

    // Frameworks and clusters.
    token "jwt", "JSON web token", Medium,
        ["eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", "eyJ4NXQiOi", "eyJhbGci"],
        r"eyJ[0-9A-Za-z_\-]{15,}\.eyJ[0-9A-Za-z_\-]{15,}\.([0-9A-Za-z_\-]{40,})",
        reach: 2048, entropy: 4.0, strong: false;
        yes ["eyJhb", "GciOiJSUzI1NiJ9.eyJGSfzqnRpUUi8Vts9WcaQsAWIrrPRssFIMsZrpBmKfNyICTjDYcVlwZZX2lOr.", "42rYs01X6htdDs6Lfx82TclcrscqGdiFeVlC6-3S9N_bnDKm4-nbOJHAouFcYX0j87QXH43qCA0tpXKkyIozg4"];
        no ["eyJhb", "GciOiJSUzI1NiJ9.eyJthxOW_Xd8pgzMs0HY9nGxV6_GAhkSJh2_Gp27jAE4QvOc9HHYm1AqNsRy5L9"];
    text "kubernetes-client-key", "Client key in a kubeconfig", High,
        ["client-key-data"],
        r#"client-key-data["']?\s{0,4}:\s{0,4}["']?(LS0tLS1CRUdJTi[0-9A-Za-z+/=]{60,})"#,
        reach: 400, entropy: 4.0, strong: true;
        yes ["client-key", "-data: ", "LS0tLS1CRUdJTiqCdX/0OhMeCUWu5KUtD19ytdez0NcwxGbZ7j36wnjg9wFvuENWmm4CGVA7lYgzmq6QrROfgkECSrMcTE0e+QA1hUzeJT8hDPHwd2", "\n"];
        no ["client-key", "-data: DATA+OMITTED\n"];
    text "kubernetes-secret", "Kubernetes Secret with its data", Medium,
        ["kind: Secret", "\"kind\":\"Secret\"", "\"kind\": \"Secret\""],
        r#"kind"?:\s{0,4}"?Secret"?\s[^{}]{0,400}(?:stringData|data)"?:\s{0,4}\{?\s{1,12}"?[0-9A-Za-z_.\-]{1,100}"?:\s{0,4}["']?([0-9A-Za-z+/=]{16,})"#,
        reach: 1024, entropy: 3.2, any_boundary: true, ignore_case: false;
        yes ["kind: Sec", "ret\nmetadata:\n  name: db\ndata:\n  password: ", "Pv3tQ+Pf3UfueHk6o7y+abfe", "\n"];
        no ["kind: Sec", "ret\nmetadata:\n  name: db\ndata: {}\n"];
    text "laravel-app-key", "Laravel application key", Medium,
        ["APP_KEY=base64:"],
        r"APP_KEY=base64:([0-9A-Za-z+/]{43}=)",
        entropy: 4.0;
        yes ["APP_KEY=", "base64:", "Obyut/xn2ouBZv9Hmhw5gpAv1w9LLsUOMpRd9qTD8KE="];
        no ["APP_KEY=", "base64:"];
    assigned "rails-secret-key-base", "Rails secret key base", Medium,
        ["secret_key_base"],
        r"[0-9a-f]{64,200}",
        entropy: 3.0;
        yes ["secret_key", "_base: ", "7b555f1670b1b1741a2edda5421293bc9f00c03aaf74b70a1c6f0834cf586270597e14524a4310bbbe75750f990842166df90f9cd1946b56deb2d7a23a2956ba", "\n"];
        no ["secret_key", "_base: <%= ENV[\"A\"] %>\n"];
    assigned "django-secret-key", "Django secret key", Medium,
        ["SECRET_KEY"],
        r"(?:django-insecure-)?[0-9a-z!@#$%^&*(_=+)\-]{50}",
        entropy: 3.8, ignore_case: false, quoted: true;
        yes ["SECRET_", "KEY = '", "9ac11zlm4sq4ck3ib4yd1abw!zsi0a10akgs8rzabhg6gi8scg", "'"];
        no ["SECRET_", "KEY = 'secret'"];
    text "wordpress-secret", "Password or salt in a WordPress configuration", Medium,
        ["'DB_PASSWORD'", "'AUTH_KEY'", "'LOGGED_IN_KEY'", "'NONCE_KEY'", "'AUTH_SALT'"],
        r"'(?:DB_PASSWORD|(?:SECURE_)?AUTH_KEY|LOGGED_IN_KEY|NONCE_KEY|AUTH_SALT)'\s{0,4},\s{0,16}'([^'\s][^'\n]{5,100})'",
        entropy: 2.8, paths: &["wp-config.php"];
        yes ["define( 'DB_PASS", "WORD', '", "1AbGy8bCMVl6Z4", "' );"];
        no ["define( 'DB_PASS", "WORD', 'password_here' );"];
    text "password-hash", "Password hash", Medium,
        ["$1$", "$5$", "$6$", "$y$", "$7$", "$2a$", "$2b$", "$2y$", "$apr1$", "$argon2", "{SHA}", "{SSHA}"],
        r"(?:\$(?:[1567]|apr1)\$(?:rounds=[0-9]{1,9}\$)?[0-9A-Za-z./]{1,16}\$([0-9A-Za-z./]{22,86})|\$y\$[0-9A-Za-z./]{1,16}\$[0-9A-Za-z./]{1,86}\$([0-9A-Za-z./]{43})|\$2[aby]\$[0-9]{2}\$([0-9A-Za-z./]{53})|\$argon2[id]{1,2}\$[^\s$]{1,60}\$[^\s$]{1,60}\$[^\s$]{1,60}\$([0-9A-Za-z+/]{20,100})|\{SS?HA\}([0-9A-Za-z+/=]{28,48}))",
        entropy: 3.8, any_boundary: true, ignore_case: false, paths: &["etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-", "etc/passwd", "etc/security/opasswd", ".htpasswd", "htpasswd", "users.htpasswd", "passwdfile", "anaconda-ks.cfg", "original-ks.cfg", "preseed.cfg", "ks.cfg", "user-data", "cloud.cfg"];
        yes ["root:", "$6$TaVLjVZ0$", "Ae1tcdXwYd66C7Dm3mPlwvTDHDXwwxyLIC7t5QDjsNm9M7DvjgNq5slKRKPsqPFVXXJmKiNyoHTLSLwfT7cbMO", ":19000:0:99999:7:::"];
        no ["root:", "$6$TqEkEdHZ$:19000:0"];
    text "database-url-password", "Password in a database's address", High,
        ["postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql", "sqlserver", "clickhouse", "cockroach"],
        r#"(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroach(?:db)?)(?:\+[a-z0-9]{1,16})?://[^\s:/@"'<>]{0,64}:([^\s/@"'<>{}$]{3,128})@[0-9A-Za-z\[]"#,
        entropy: 2.5, strong: true;
        yes ["postgres:", "//app:", "YiX6dzMakSHgj41L", "@db.acme.io/app"];
        no ["postgres:", "//app:password@localhost/app"];
    text "url-password", "Password in an address", Medium,
        ["https://", "http://", "ftp://", "ftps://", "smtp://", "smtps://", "ldap://", "socks5://"],
        r#"[a-z0-9]{3,6}://[^\s:/@"'<>{}$%?#]{0,128}:([^\s/@"'<>{}$:\\]{6,200})@[0-9A-Za-z\[][^\s@]{2}"#,
        entropy: 3.0, authority: true, strong: true;
        yes ["https:", "//ci:", "vZCwmQnG2nbNHW1SoD", "@git.acme.io/a"];
        no ["https:", "//user:password@example.org/"];
    text "url-token", "Token in an address", Medium,
        ["https://"],
        r"https://([0-9A-Za-z_\-]{24,255})@[0-9A-Za-z][^\s@]{2}",
        reach: 400, entropy: 3.8, authority: true;
        yes ["https:", "//", "HcswsQndNgCSv5LL9DLfJffjxluhYUwt", "@git.acme.io/a"];
        no ["https:", "//git@git.acme.io/a"];
    text "authorization-header", "Credentials in an Authorization header", Medium,
        ["authorization"],
        r#"authorization["']?\s{0,4}[:=,]\s{0,4}\\?["']?(?:Bearer|Basic|Token)\s{1,4}([0-9A-Za-z_\-+/=.~]{16,})"#,
        reach: 1024, entropy: 3.6;
        yes ["Author", "ization: Bearer ", "ASQk4lvYlP6Swu9rMRitw9BMJtHjokglsc5AWF6n", "\n"];
        no ["Author", "ization: Bearer <token>\n"];
    text "curl-user-password", "Password on a curl command line", Medium,
        ["curl "],
        r#"curl(?:\s[^\n|;]{0,160}?)?\s(?:-u|--user|--proxy-user)[\s=]{0,4}["']?[^\s:"'$]{1,64}:([^\s"'$<{]{4,128})"#,
        entropy: 2.8;
        yes ["curl", " -s -u ci:", "fyaJTaYVmHGjWG", " https://acme.io/"];
        no ["curl", " -s -u ci:$PASSWORD https://acme.io/"];
    text "login-command-password", "Password on a login command line", Medium,
        ["docker login", "podman login", "buildah login", "skopeo login", "helm registry login", "npm login", "az login", "sshpass "],
        r#"(?:docker|podman|buildah|skopeo|helm\sregistry|npm|az)\slogin(?:\s[^\n|;]{0,160}?)?\s(?:-p|--password)[\s=]{1,4}["']?([^\s"'$<{\-][^\s"'$<{]{3,128})|sshpass\s{1,4}-p\s{0,4}["']?([^\s"'$<{]{4,128})"#,
        entropy: 2.8;
        yes ["docker", " login -u ci -p ", "mKFTuHhyHkspkr", " r.acme.io"];
        no ["docker", " login -u ci -p $PASSWORD r.acme.io"];

    // What only its name gives away. These come last: what a rule above names, they do not.
    assigned "generic-api-key", "Likely key or token", Low,
        ["api_key", "api-key", "apikey", "secret_key", "secret-key", "secretkey", "access_key", "access-key", "auth_token", "auth-token", "authtoken", "access_token", "access-token", "accesstoken", "client_secret", "client-secret", "clientsecret", "private_token", "bearer_token", "encryption_key", "signing_key"],
        r"[0-9A-Za-z_\-+/=.]{20,150}",
        entropy: 3.8, generic: true;
        yes ["api_", "key = \"", "3tB9zDMijWgmkrIZ8qGFlvfomo3MPFEh", "\""];
        no ["api_", "key = \"some_function_name_in_lower_case\""];
    assigned "generic-password", "Likely password", Low,
        ["password", "passwd", "passphrase", "db_pass"],
        r#"[^\s"'<>(){}\[\],;\\]{8,100}"#,
        entropy: 3.3, generic: true;
        yes ["db_", "password = \"", "k7#wkNIe2NNqwaI", "\""];
        no ["pass", "word = \"password1\""];
}
