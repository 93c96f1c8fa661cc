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
        yes ["{\"type\": \"service_", "account\", \"project_id\": \"a\", \"private_key_id\": \"b\", \"private_key\": \"-----BEGIN PRI", "VATE KEY-----\\n", "MIIETVU5uAtvrtJUTuSDRo9FMYFlXHCsqm/8AefrDEcSMM4Jg06rVzacni/lw8X+", "\\n\"}"];
        no ["{\"type\": \"service_", "account\", \"project_id\": \"a\", \"private_key\": \"...\"}"];
    token "private-key-encrypted", "Private key, encrypted", Medium,
        ["-----BEGIN ENCRYPTED", "-----BEGIN RSA PRIV", "-----BEGIN EC PRIV", "-----BEGIN DSA PRIV", "-----BEGIN OPENSSH PRIV", "PuTTY-User-Key-File-"],
        r"-----BEGIN (?:ENCRYPTED (?:PRIVATE|COSIGN PRIVATE|SIGSTORE PRIVATE) KEY-----(?:\s|\\[nr]){1,6}([0-9A-Za-z+/=]{24,})|(?:RSA|EC|DSA) PRIVATE KEY-----(?:\s|\\[nr]){1,6}Proc-Type: 4,ENCRYPTED(?:\s|\\[nr]){1,6}DEK-Info: [0-9A-Z,\-]{8,64}(?:\s|\\[nr]){1,8}([0-9A-Za-z+/=]{24,})|OPENSSH PRIVATE KEY-----(?:\s|\\[nr]){1,6}(b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni[0-9A-Za-z+/=]{20,}))|PuTTY-User-Key-File-[23]: [^\n]{1,64}\nEncryption: aes256-cbc\r?\n(?:[^\n]{0,100}\n){1,40}Private-Lines: [0-9]{1,4}\r?\n([0-9A-Za-z+/=]{24,})",
        reach: 2048, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN ENCRYPTED PRI", "VATE KEY-----\n", "oH1h7ybQ9ng3ZtPn+rDunyBZ8YN4LmsytH6HyXIkr2FbL4gmC5PyM3AVwchp4mYs", "\n"];
        no ["-----BEGIN ENCRYPTED PRI", "VATE KEY-----\n..."];
    token "private-key", "Private key", High,
        ["-----BEGIN PRIV", "-----BEGIN RSA PRIV", "-----BEGIN EC PRIV", "-----BEGIN DSA PRIV", "-----BEGIN OPENSSH PRIV", "-----BEGIN ED25519 PRIV"],
        r#"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ED25519 )?PRIVATE KEY-----(?:\s|\\[nr]|["'+,]){1,24}([0-9A-Za-z+/=]{40,})"#,
        reach: 512, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN RSA PRI", "VATE KEY-----\n", "MIIEGakpxQJji+Xmdj+L6VAAdg/vHOejDFpSIRUvKJMEd7HMlbvGdZcWwANO6ZWN", "\n"];
        no ["-----BEGIN RSA PRI", "VATE KEY-----\n...\n"];
    token "pgp-private-key", "PGP private key", High,
        ["-----BEGIN PGP PRIV"],
        r"-----BEGIN PGP PRIVATE KEY BLOCK-----(?:\s|\\[nr])+(?:(?:Version|Comment|Charset|Hash): [^\n]{0,200}\n)*(?:\s|\\[nr])*([0-9A-Za-z+/=]{24,})",
        reach: 1024, any_boundary: true, entropy: 3.5;
        yes ["-----BEGIN PGP PRI", "VATE KEY BLOCK-----\nVersion: GnuPG v2\n\n", "lQOYYgRdgkYLA4ILFRrM6gfrmbMhyAogoMdIQb5CuW0j0tmA5D7urxjruLWNuolK", "\n"];
        no ["-----BEGIN PGP PUB", "LIC KEY BLOCK-----\n\nmQENGnCmfikXNJ36VFLZ4QHMpO18qp7zWTSh+Mv/FO0hIkSZ7fbwN+ocvgqnvi3v\n"];
    token "putty-private-key", "PuTTY private key", High,
        ["PuTTY-User-Key-File-"],
        r"PuTTY-User-Key-File-[23]: [^\n]{1,64}\nEncryption: none\r?\n(?:[^\n]{0,100}\n){1,40}Private-Lines: [0-9]{1,4}\r?\n([0-9A-Za-z+/=]{24,})",
        reach: 2048, entropy: 3.5;
        yes ["PuTTY-User-Key-", "File-2: ssh-rsa\nEncryption: none\nComment: me\nPublic-Lines: 1\nAAAAB3\nPrivate-Lines: 1\n", "2KQXlC0mRsGLO7MEX1RGSsK6Oxnft3wH8d+vIe7ZrOdSjG4J9A/2GHHknxFpQnKG", "\n"];
        no ["PuTTY-User-Key-", "File-2: ssh-rsa\nEncryption: none\nComment: me\n"];
    token "age-secret-key", "age secret key", High,
        ["AGE-SECRET-KEY-1"],
        r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b";
        yes ["AGE-SECRET-", "KEY-1FQUQLKJ3PS7UW3DQ9RM02Z42ZTGLFSF0NYSGGP5NCWMJLGQK7WH2T4CPCY"];
        no ["AGE-SECRET-", "KEY-1KSFNHEHR3HRWXFWFEKPD"];
    text "json-web-key", "Private JSON web key", High,
        ["\"kty\""],
        r#""kty"\s{0,4}:\s{0,4}"(?:RSA|EC|OKP)"[^{}]{0,1800}"d"\s{0,4}:\s{0,4}"([0-9A-Za-z_\-]{32,})""#,
        reach: 2048, entropy: 3.5;
        yes ["{\"k", "ty\":\"EC\",\"crv\":\"P-256\",\"d\":\"", "BczCxZ16MB3Nb_GuWoVDVzJ5FaEmC2VdFIG_lUTjZQi", "\"}"];
        no ["{\"k", "ty\":\"EC\",\"crv\":\"P-256\",\"x\":\"sM0P3x9NvOvwln4kj_aQruVTbm0Wxwe5zWaQPglaaWf\"}"];
    assigned "wireguard-private-key", "WireGuard private key", High,
        ["PrivateKey", "PresharedKey"],
        r"[0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=",
        entropy: 4.0;
        yes ["Private", "Key = ", "R66aQrpH1I3laNMx0oPd6Rd8KIPJ/mpK1F7WxUMuczA=", "\n"];
        no ["Public", "Key = BzgjZdZ7Wkt5fmSQ3VZRgptEnNBRIlbW26C6nIz5wUA=\n"];

    // Clouds.
    token "aws-access-key-id", "AWS access key ID", High,
        ["AKIA", "ASIA", "ABIA", "ACCA"],
        r"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?:[^0-9A-Za-z+/_]|$)",
        entropy: 3.0, inner: true;
        yes ["key: ", "AKIA", "JMGIHAFEESMCEHI6"];
        no ["key: ", "AKIA", "IOSFODNN7EXAMPLE"];
    assigned "aws-secret-access-key", "AWS secret access key", Critical,
        ["aws_secret", "aws-secret", "awsSecret", "secret_access_key", "secret-access-key", "secretAccessKey"],
        r"[0-9A-Za-z/+]{40}",
        entropy: 3.5;
        yes ["aws_secret_", "access_key = ", "DOCiRJxN8oVNyOZq5ydxwSjd5jnFiSUcmS0LhgPz", "\n"];
        no ["aws_secret_", "access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"];
    assigned "aws-session-token", "AWS session token", Medium,
        ["aws_session_token", "aws_security_token", "sessionToken"],
        r"[0-9A-Za-z/+=]{100,1000}",
        reach: 1200, entropy: 4.0;
        yes ["aws_session_", "token = ", "XAhND1oAGPXX1HYEBSsiUzXvC+y+wrBggk6YXfStMdXB4Pt6BTEY/U4X4Q/PysBqdURPa3DBWxN8nnqUaK3X6oPkg5vdGQW0F6J7KFZVLrc/UYwS6ZS+rYrsh34EnOFaBArjtLtZUda5rRpEnIEEiJ9Xloa4wtvk", "\n"];
        no ["aws_session_", "token = nqDL2Fd+DGsNcj1UFbrJeESPCbUS3Za/RzAJmPPUzr/s5fdXxdzeAqBpz8AV\n"];
    token "aws-bedrock-api-key", "Amazon Bedrock API key", High,
        ["ABSK"],
        r"ABSK[0-9A-Za-z+/]{109,269}={0,2}(?:[^0-9A-Za-z+/]|$)",
        reach: 400, entropy: 4.5, inner: true;
        yes ["", "ABSK", "sqvGOt5WnzYEcq2g10nM1clB4SyZ4UKjVAcVVr2kM3x9vSQlcbaC1F86rKzGLgt0XXvnVIwHhhXN8CSsnil7cW6LcrMyYj/v7H9ZzoPOTXBAMXBNkiXwUNDX"];
        no ["ABSK", "fgLexR3a+ztgwzO670I2yEQXZGUy9j"];
    token "aws-mws-token", "Amazon MWS token", High,
        ["amzn.mws."],
        r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        entropy: 3.0;
        yes ["amzn.", "mws.94a1d297-0dfa-4e64-ac29-5f07b609468e"];
        no ["amzn.", "mws.6cb4f9fd"];
    token "google-api-key", "Google API key", Medium,
        ["AIza"],
        r"AIza[0-9A-Za-z_\-]{35}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["", "AIza", "SyifXTzzQR0kph2v0RASfUCOor3nMr0BpfJ"];
        no ["AIza", "SyWVoIusypNVPw"];
    token "google-oauth-client-secret", "Google OAuth client secret", High,
        ["GOCSPX-"],
        r"GOCSPX-[0-9A-Za-z_\-]{28}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["GOC", "SPX-zs2PtZs-4sEHZiwYb1pVY5-N2k9R"];
        no ["GOC", "SPX-hF7B1lJu"];
    token "google-oauth-access-token", "Google OAuth access token", Medium,
        ["ya29."],
        r"ya29\.[0-9A-Za-z_\-]{40,}",
        entropy: 4.0;
        yes ["ya", "29.U3uEUq6zIRztoW3eNqHHwuQaT-5EGPZkn-iLNZnnrzVoFn3DAryxsLaa0i54"];
        no ["ya", "29.bjg05ot1xH"];
    token "google-oauth-refresh-token", "Google OAuth refresh token", High,
        ["1//0"],
        r"1//0[0-9A-Za-z_\-]{60,110}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["1/", "/0bPOg0Pt4tP_2eGrTlMkXxD1uibh9YaUARrlw6c6TA4Geh2hJoZmSZ0GGBbF-YXVGkP1RyYDx10oGtKo5CxIL4QcZZV8R5FOXiQz"];
        no ["1/", "/0p4ttISNFn"];
    assigned "azure-storage-key", "Azure storage or Cosmos DB account key", Critical,
        ["AccountKey", "storage_key", "storage-key", "azure_storage"],
        r"[0-9A-Za-z+/]{86}==",
        entropy: 4.5;
        yes ["DefaultEndpointsProtocol=https;AccountName=a;Account", "Key=", "MghkpzbNT/7PKowlLGknGjWNhvbenrWJyiymRwRIdMfxbG5VFJGGp0Vmb3JYJbdwzfTsRSk7hiQuq9rOCzD+S/==", ";x"];
        no ["Account", "Key=FY0M+N/EBa2eaHBNNw8y2GMmPdlMcVF2mnw76HRB=="];
    assigned "azure-shared-access-key", "Azure Service Bus or Event Hubs key", High,
        ["SharedAccessKey"],
        r"[0-9A-Za-z+/]{43}=",
        entropy: 4.0;
        yes ["SharedAccess", "Key=", "Px0SkKBomojOpoSXhTOiRVqHArY+TY2L/5X4P2atc6P=", "\n"];
        no ["SharedAccess", "Key=WlLjyTgJZvuOpI1tvwD3"];
    text "azure-sas-token", "Azure shared access signature", High,
        ["&sig=", "?sig="],
        r"[?&]sig=([0-9A-Za-z%+/]{43,80}(?:%3D|=))",
        entropy: 4.0;
        yes ["https://a.blob.core.windows.net/b?sv=2022-11-02&s", "ig=", "AchIe6T4OIIpoWrvNg9ZXOjdWtzyv6Qdlp52qzHyyWd%3D"];
        no ["x?a=b&s", "ig=a3uTtVUoh574KaGN3JvH"];
    token "azure-ad-client-secret", "Microsoft Entra ID client secret", High,
        ["7Q~", "8Q~"],
        r"[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.\-]{31,34}(?:[^0-9A-Za-z_~.\-]|$)",
        back: (3, 3), entropy: 4.0;
        yes ["", "wm3", "8Q~xfiWMcyioLrVw74EpZStZqlqjWWcEP0OU9"];
        no ["kRp", "8Q~u2rtNariHB"];
    token "azure-devops-token", "Azure DevOps token", High,
        ["AZDO"],
        r"[0-9A-Za-z]{76}AZDO[0-9A-Za-z]{4}\b",
        back: (76, 76), entropy: 4.0;
        yes ["knMuQ475eLhYkAjCtYwhZdnzOnwQ4lEd1i8f61w8", "EMwaWV1Y3dK6GeuTORvxMhIoVuXCsZb766pQ", "AZDOpd0J"];
        no ["7oVl0KhxqeCpqBihZiYHjnWUxs2du0", "AZDO9eIJ"];
    vendor "azure-devops-token-legacy", "Azure DevOps token, old form", High,
        ["azure_devops", "azureDevOps", "azure-devops", "system_access", "vsts"],
        r"[a-z2-7]{52}",
        entropy: 3.5;
        yes ["azure_devops_", "pat_token=", "elejcopfb3j7qmqehoyq42ns3sxcf64kswr44szevzxh7acth3fh"];
        no ["azure_devops_", "pat_token=k6is23gotlsn32zjactn"];
    token "azure-container-registry-key", "Azure container registry password", High,
        ["+ACR"],
        r"[0-9A-Za-z+/]{42}\+ACR[0-9A-Za-z]{6}(?:[^0-9A-Za-z+/]|$)",
        back: (42, 42), entropy: 4.0;
        yes ["yd1wFeU6HxhHoW3Uh48g", "2c3Mm10T0VTWhor4vjhq4T", "+ACRaOHl2L"];
        no ["DHzQc1A0STllozTawoFC", "+ACRpUPiiY"];
    token "digitalocean-token", "DigitalOcean personal access token", Critical,
        ["dop_v1_"],
        r"dop_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["dop_", "v1_e9721294f711a1dd603ad72b1b26dd3df80a91b80f6872d23d2969764cdfd63f"];
        no ["dop_", "v1_2c91c351401608d0447b"];
    token "digitalocean-oauth-token", "DigitalOcean OAuth token", High,
        ["doo_v1_"],
        r"doo_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["doo_", "v1_bd06b1435644abc69a7e84758a5e86f472f08d7d6069c2fd98dc1d085b15d9e0"];
        no ["doo_", "v1_52a0af2d1b3f5d14f844"];
    token "digitalocean-refresh-token", "DigitalOcean refresh token", High,
        ["dor_v1_"],
        r"dor_v1_[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["dor_", "v1_f8ad6fb295754fd9c4bec1d8b52df42c3969b377628fcf1406107c443080bc87"];
        no ["dor_", "v1_f72b9b621569055941f6"];
    token "alibaba-access-key-id", "Alibaba Cloud access key ID", High,
        ["LTAI"],
        r"LTAI[0-9A-Za-z]{12,26}\b",
        entropy: 3.5;
        yes ["", "LTAI", "5tNiIw6YkoLrMljajEfQ"];
        no ["", "LTAI", "5t"];
    vendor "alibaba-secret-key", "Alibaba Cloud secret key", High,
        ["alibaba", "aliyun", "alicloud"],
        r"[0-9A-Za-z]{30}",
        entropy: 3.4;
        yes ["aliyun_", "access_key_secret=", "neTWWhWuL2gyrJ7mWEwszN6D8ky8Fr"];
        no ["aliyun_", "access_key_secret=SV5lB0WBYr"];
    token "tencent-secret-id", "Tencent Cloud secret ID", High,
        ["AKID"],
        r"AKID[0-9A-Za-z]{32}\b",
        entropy: 3.5;
        yes ["", "AKID", "YzreIw3Nu7bitPcv8EQJosTRKY25YRFG"];
        no ["", "AKID", "NOTNohZpNWFm"];
    vendor "tencent-secret-key", "Tencent Cloud secret key", High,
        ["tencent", "qcloud"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.4;
        yes ["tencentcloud_", "secret_key=", "xtj9aiYdYcU0WvTl2MBZ13mEC3Dy5bTv"];
        no ["tencentcloud_", "secret_key=ycnfYUcvdY6t"];
    token "yandex-api-key", "Yandex Cloud API key", High,
        ["AQVN"],
        r"AQVN[0-9A-Za-z_\-]{35,38}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["", "AQVN", "eOiqLNtnSUy5TsXSZbqdDYW7SrHm69AM0SFq"];
        no ["AQVN", "i2KCPYRcHYfZV4tb"];
    token "heroku-api-key", "Heroku API key", High,
        ["HRKU-AA"],
        r"HRKU-AA[0-9A-Za-z_\-]{58}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["HRKU", "-AABKUYNsx6dFOoNk-ctBX4nzFi2Cf1oqZFGFc6iNIXulT1-frw53MeGnrCzr"];
        no ["HRKU", "-AAd_BOMboltitM"];
    vendor "heroku-api-key-legacy", "Heroku API key, old form", High,
        ["heroku"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["HEROKU_", "API_KEY=", "cdf7e574-92c3-4a3f-a576-73cc5a95300a"];
        no ["HEROKU_", "APP_ID=c2466d38-860c-4d53-a028-8c5d2c211414"];
    vendor "cloudflare-api-token", "Cloudflare API token", High,
        ["cloudflare", "cf_api"],
        r"[0-9A-Za-z_\-]{40}",
        entropy: 4.0;
        yes ["CLOUDFLARE_", "API_TOKEN=", "kIgamqtvrzb74SWhWvAVqGa30iQ5lyBjrApz1lB4"];
        no ["CLOUDFLARE_", "API_TOKEN=oEsSw8fHt7"];
    vendor "cloudflare-global-api-key", "Cloudflare global API key", Critical,
        ["cloudflare", "cf_api"],
        r"[0-9a-f]{37}",
        entropy: 3.0;
        yes ["CLOUDFLARE_", "API_KEY=", "62e6c4262f5c06cd4f000e8c34b7231e53572"];
        no ["CLOUDFLARE_", "API_KEY=b826e9ddbc6b6b1005dbefaf8b5dae"];
    token "cloudflare-origin-ca-key", "Cloudflare origin CA key", High,
        ["v1.0-"],
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b",
        entropy: 3.0;
        yes ["v1", ".0-e8da8f5428eddf36837dfde9-dde1374e0cfecb39fb0eab5bf31adf0268d54cfe8ed7a74ae805fca813caae72fe8c06f53cc0427d96dd41c31f5dcd039cbe4096447a6f562933d7300467a85d187c95375e9177d799"];
        no ["v1", ".0-c162cef86182e6dc6a7cc3bd"];
    token "fly-access-token", "Fly.io access token", High,
        ["fm1_", "fm1a_", "fm1r_", "fm2_"],
        r"fm(?:1[ar]?|2)_[0-9A-Za-z+/]{100,}={0,3}",
        reach: 1024, entropy: 4.5;
        yes ["fm", "2_kz9BKvRAriHIOf8QudfMivxq7OSQwN1BVcUwaiLgZ/cH/M2+sDhd7woQzMobUi4EvI3zhXltcjtMGiBUD8Zfkf66DxYxIKJk6PvM2y0Y0xAWxauC47gvoTMYJ4D6OaYx6xUeiR17ce7R"];
        no ["fm", "2_nwd/GCKmSgctVRlR6/Qt"];
    token "fly-deploy-token", "Fly.io deploy token", High,
        ["fo1_"],
        r"fo1_[0-9A-Za-z_\-]{43}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["fo", "1_h4bTR4yFfnpBt5IcCPEb0dw5w5nJuXNqO5C_mhlT_o2"];
        no ["fo", "1_oKe1_qd0U0"];
    vendor "vercel-token", "Vercel token", High,
        ["vercel"],
        r"[0-9A-Za-z]{24}",
        entropy: 3.4;
        yes ["VERCEL_", "TOKEN=", "jPDOzmWinDZKsmfJbGgdCeLG"];
        no ["VERCEL_", "TOKEN=JAHM3zb3a"];
    token "netlify-token", "Netlify personal access token", High,
        ["nfp_"],
        r"nfp_[0-9A-Za-z]{36}\b",
        entropy: 4.0;
        yes ["nf", "p_qE31vFPteF0h9Z7mCgGeVXQACZe7ptDyjmAz"];
        no ["nf", "p_wWOJixQl8U"];
    vendor "netlify-token-legacy", "Netlify token, old form", High,
        ["netlify"],
        r"[0-9A-Za-z_\-]{43,46}",
        entropy: 4.0;
        yes ["NETLIFY_", "AUTH_TOKEN=", "NEBj7NB0Usyow1L5LHbEOODXpxVJwzzdagjwQbmLK7g"];
        no ["NETLIFY_", "AUTH_TOKEN=mA3DPF9JgE"];
    vendor "linode-token", "Linode token", High,
        ["linode"],
        r"[0-9a-f]{64}",
        entropy: 3.0;
        yes ["LINODE_", "TOKEN=", "cd3f22c57f814bf919df14119d82a326e132bcc9e0a34c9eb09b00373f571402"];
        no ["LINODE_", "TOKEN=aa735fc778"];
    vendor "hetzner-token", "Hetzner Cloud token", High,
        ["hcloud", "hetzner"],
        r"[0-9A-Za-z]{64}",
        entropy: 4.0;
        yes ["HCLOUD_", "TOKEN=", "P7MWshkfypi7u5uuvl6vLH0Q9TvQ5E91f73bY7hOLAaDHabdhH5qG833J3IGgD7J"];
        no ["HCLOUD_", "TOKEN=RRsmaV3o7Y"];
    vendor "scaleway-secret-key", "Scaleway secret key", High,
        ["scaleway", "scw_"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["SCW_", "SECRET_KEY=", "78d52f7d-7c91-490b-a2c9-a92c7aa63fa2"];
        no ["SCW_", "PROJECT_ID=e70ac00b-3c28-42dc-adb6-c51c32a1647e"];
    vendor "vultr-api-key", "Vultr API key", High,
        ["vultr"],
        r"[0-9A-Z]{36}",
        entropy: 3.4;
        yes ["VULTR_", "API_KEY=", "3XD6AFXRCUA8RND7G6QQAR0TZHKFKLCK71DQ"];
        no ["VULTR_", "API_KEY=FAX6YCWUP"];
    vendor "ibm-cloud-api-key", "IBM Cloud API key", High,
        ["ibmCloud", "ibm_cloud", "bluemix"],
        r"[0-9A-Za-z_\-]{44}",
        entropy: 4.0;
        yes ["IBMCLOUD_", "API_KEY=", "WQ99KeWqGIUtMX7r5Ct4LwVDKrBkYN5mlSFhm0z9xaLo"];
        no ["IBMCLOUD_", "API_KEY=gT69WLGbp"];
    vendor "fastly-api-token", "Fastly API token", High,
        ["fastly"],
        r"[0-9A-Za-z_\-]{32}",
        entropy: 4.0;
        yes ["FASTLY_", "API_TOKEN=", "JVUd8o4jFfej8Zt8YcAiIFHSluPQ2lpz"];
        no ["FASTLY_", "API_TOKEN=Hn58OlDNp"];
    token "supabase-token", "Supabase access token", High,
        ["sbp_"],
        r"sbp_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sb", "p_157bd339d9d41ed662d0041269a4310981eb7545"];
        no ["sb", "p_31c655cf0e"];
    token "supabase-secret-key", "Supabase secret key", High,
        ["sb_secret_"],
        r"sb_secret_[0-9A-Za-z_\-]{31}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["sb_", "secret_jPjwyup4xjPizOzPDaxMQI4qBmeXita"];
        no ["sb_", "secret_VXKTjxZ53"];
    token "planetscale-token", "PlanetScale token or password", High,
        ["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        r"pscale_(?:tkn|pw|oauth)_[0-9A-Za-z=._\-]{32,64}(?:[^0-9A-Za-z=._\-]|$)",
        entropy: 3.8;
        yes ["pscale_", "tkn_oRZHhesRL1LjRMkkx78XwUCNZynVXoaLam6yjyWJs2r"];
        no ["pscale_", "tkn_aeCUfXOUu"];
    token "render-api-key", "Render API key", High,
        ["rnd_"],
        r"rnd_[0-9A-Za-z]{28,32}\b",
        entropy: 4.0;
        yes ["rn", "d_IGATUQgGV05wV2AwbquSeOWxZiti2S"];
        no ["rn", "d_generator_of_all_the_things"];

    // Where source code is kept and built.
    token "github-token", "GitHub personal access token", Critical,
        ["ghp_"],
        r"ghp_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "p_lqcPuQybgKxtzX17jVL0GAPxirppHx92KGBZ"];
        no ["gh", "p_rzBsPp8evO"];
    token "github-fine-grained-token", "GitHub fine-grained access token", Critical,
        ["github_pat_"],
        r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}\b",
        entropy: 3.5;
        yes ["github_", "pat_zYZOZQ3QtqFhUrDU3RwDFP_UFJfxoTFOhJ886wd1U8nt6fZKTMachnlRsZ6GnIyk18UnJBdGTtUBPzCdg1"];
        no ["github_", "pat_igjuQmu3Q9y33I3cSUkDf0"];
    token "github-oauth-token", "GitHub OAuth token", Critical,
        ["gho_"],
        r"gho_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "o_bSmHKhymuvGvV7ODnFT84zBDhMi5EAGGXJUS"];
        no ["gh", "o_SFR68Tk8Dq"];
    token "github-app-user-token", "GitHub app's token for a user", High,
        ["ghu_"],
        r"ghu_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "u_DuhDCXCPmEk0TW1kNeUz3JDia6rBL97ewpDJ"];
        no ["gh", "u_HNYVflYItO"];
    token "github-app-token", "GitHub app installation token", High,
        ["ghs_"],
        r"ghs_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["gh", "s_lnVv7l888vtMvXNMzgecMaSwHYXMuOsBWzTs"];
        no ["gh", "s_jCG8VF7R8Q"];
    token "github-refresh-token", "GitHub refresh token", High,
        ["ghr_"],
        r"ghr_[0-9A-Za-z]{36,76}\b",
        entropy: 3.5;
        yes ["gh", "r_7DfQYLWYdZFYjzkrd7sJb0ftww7Z90IhHhdn4NXX25kkex0k5c4JRBRKbw9kxUL1XXe6bzDNNvCd"];
        no ["gh", "r_XEqzcQUBna"];
    token "gitlab-token", "GitLab personal access token", Critical,
        ["glpat-"],
        r"glpat-[0-9A-Za-z_\-]{20,300}(?:\.[0-9a-z]{2}[0-9a-z]{7})?",
        reach: 400, entropy: 3.5;
        yes ["glp", "at-080QL9HBaJ0ef8q8HBC0"];
        no ["glp", "at-oLPIRWS2O"];
    token "gitlab-trigger-token", "GitLab pipeline trigger token", High,
        ["glptt-"],
        r"glptt-[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["glp", "tt-471833d58cd8f0ef410760adfdeac563f1da3b88"];
        no ["glp", "tt-eb89c78b6"];
    token "gitlab-deploy-token", "GitLab deploy token", High,
        ["gldt-"],
        r"gldt-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "dt-IFWfKTDLXqeAHMkKez3H"];
        no ["gl", "dt-oIKk4zLfy"];
    token "gitlab-runner-token", "GitLab runner token", High,
        ["glrt-", "GR1348941"],
        r"(?:glrt-|GR1348941)[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "rt-Ymx62bcqbF8ebsz9IBV3"];
        no ["gl", "rt-tbSvlaA5r"];
    token "gitlab-ci-token", "GitLab CI job token", Medium,
        ["glcbt-"],
        r"glcbt-[0-9a-zA-Z]{1,5}_[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["glc", "bt-64_uM3LQt8yLdcAtZc0FnGi"];
        no ["glc", "bt-6pC"];
    token "gitlab-feed-token", "GitLab feed or incoming mail token", Medium,
        ["glft-", "glimt-"],
        r"gl(?:ft|imt)-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["gl", "ft-P2fMlUP4ajTIrkfuAxnd"];
        no ["gl", "ft-BhYmDn1Ej"];
    token "gitlab-agent-token", "GitLab agent for Kubernetes token", High,
        ["glagent-"],
        r"glagent-[0-9A-Za-z_\-]{50,}",
        entropy: 3.5;
        yes ["gla", "gent-fpjvYHNLON5lST9bTUj9xFCGWtkfzGm9kIZYrG9fjDpwzuqmjb"];
        no ["gla", "gent-hnYWQXoCU"];
    token "gitlab-oauth-secret", "GitLab OAuth application secret", High,
        ["gloas-", "glsoat-"],
        r"gl(?:oas|soat)-[0-9A-Za-z_\-]{20,}",
        entropy: 3.5;
        yes ["glo", "as-Pw5s2Tmi5AunpoWeVff5zLRS9SfVEnVgMaw64PqOTXLkMK9K54Wcp2g9zIOx0znH"];
        no ["glo", "as-b1FPJ5pdf"];
    token "bitbucket-app-password", "Bitbucket app password", High,
        ["ATBB"],
        r"ATBB[0-9A-Za-z]{32}\b",
        entropy: 3.5;
        yes ["AT", "BBcohDUEdABYtvYZeJkgf4YRjeZ8IABWGm"];
        no ["AT", "BB0r8ipcKFc"];
    vendor "bitbucket-secret", "Bitbucket OAuth secret", High,
        ["bitbucket"],
        r"[0-9A-Za-z_\-]{32,64}",
        entropy: 4.0;
        yes ["BITBUCKET_", "CLIENT_SECRET=", "GjdRWt9BC2rmfYP0RVHVc6hV3Ivlnr4W"];
        no ["BITBUCKET_", "CLIENT_SECRET=Z00phaQJ5"];
    vendor "gitea-token", "Gitea or Forgejo token", High,
        ["gitea", "forgejo"],
        r"[0-9a-f]{40}",
        entropy: 3.0;
        yes ["GITEA_", "TOKEN=", "015739fe1322a02d74c0ba14bf48e2d69d57d85a"];
        no ["GITEA_", "TOKEN=5cfef4983"];
    token "sourcegraph-token", "Sourcegraph access token", High,
        ["sgp_"],
        r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sg", "p_316bb8488f712c394e59c7825ed35e416cfca274"];
        no ["sg", "p_ee6def9ff"];
    token "circleci-token", "CircleCI token", High,
        ["CCIPAT_", "CCIPRJ_"],
        r"CCIP(?:AT|RJ)_[0-9A-Za-z]{22}_[0-9a-f]{40}\b",
        entropy: 3.5;
        yes ["CCI", "PAT_sj3wfjDGeTnfFfj8lK17Br_0e8f3ac25a440a496d7c2459451a457c72d99fe6"];
        no ["CCI", "PAT_O190gz5Pe6p8lUTUHMMmrs"];
    token "buildkite-token", "Buildkite API token", High,
        ["bkua_"],
        r"bkua_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["bk", "ua_89e980f01f1b94c7896e3cd1daec540d57a5f4fa"];
        no ["bk", "ua_8ee7303a7"];
    vendor "travis-token", "Travis CI token", Medium,
        ["travis"],
        r"[0-9A-Za-z_\-]{22}",
        entropy: 3.4;
        yes ["TRAVIS_", "API_TOKEN=", "uXytDa1eAoUlX2aq8uVezQ"];
        no ["TRAVIS_", "API_TOKEN=n06gQ7wCJ"];
    vendor "drone-token", "Drone CI token", Medium,
        ["drone"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.4;
        yes ["DRONE_", "TOKEN=", "Rnm7et9YQIog1xGMPPTGW1j77qc3zf7k"];
        no ["DRONE_", "TOKEN=kEorgHPYl"];
    vendor "codecov-token", "Codecov token", Medium,
        ["codecov"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-z]{32}",
        entropy: 3.0;
        yes ["CODECOV_", "TOKEN=", "568cae4d-f6e4-4142-a2b9-47556e907306"];
        no ["CODECOV_", "TOKEN=d10260a26"];
    vendor "snyk-token", "Snyk token", High,
        ["snyk"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["SNYK_", "TOKEN=", "92bb643b-6254-4876-a706-65ddcb80a5e7"];
        no ["SNYK_", "ORG=1531956c-b872-4b48-a0c7-3a505698030f"];
    token "sonarqube-token", "SonarQube token", High,
        ["squ_", "sqp_", "sqa_"],
        r"sq[upa]_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["sq", "u_207ec6647d525fa19b46ff7f00c2d167a17eeff8"];
        no ["sq", "u_026c0c3a2"];

    // Where packages and images are kept.
    token "npm-token", "npm access token", Critical,
        ["npm_"],
        r"npm_[0-9A-Za-z]{36}\b",
        entropy: 3.5;
        yes ["np", "m_dzzwsKla7mKbY1qP2AooWyXfM2zhE8x0dxK2"];
        no ["np", "m_config_registry"];
    text "npm-registry-auth", "Password or token of an npm registry", High,
        ["_authToken", ":_auth", ":_password", "npmAuthToken"],
        r#"(?:_authToken|:_auth|:_password|npmAuthToken)["']?\s{0,4}[=:]\s{0,4}["']?([0-9A-Za-z_\-+/=.]{16,})"#,
        entropy: 3.0, strong: true, ignore_case: false;
        yes ["//registry.example.org/:_auth", "Token=", "1f9d4ecd-27c6-4123-a6db-08822c20f8ed", "\n"];
        no ["//registry.example.org/:_auth", "Token=${NPM_TOKEN}\n"];
    token "pypi-token", "PyPI token", Critical,
        ["pypi-AgE"],
        r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[0-9A-Za-z_\-]{50,}",
        entropy: 4.0;
        yes ["pypi-", "AgEIcHlwaS5vcmcaWjS7xK0vMq-nqv_GZ-dehrFQWoJzKa_7yoZmJlxNt9CbBOQMFS0pifGknubE_mf2eqNE_99FX9K8ftH"];
        no ["pypi-", "AgEIcHlwaS5vcmc90Tt6kfW"];
    token "rubygems-token", "RubyGems API key", Critical,
        ["rubygems_"],
        r"rubygems_[0-9a-f]{48}\b",
        entropy: 3.0;
        yes ["ruby", "gems_4d09289a2875d823701be41dc1ca19d77e1c44eac0605fcb"];
        no ["ruby", "gems_df86c800"];
    token "nuget-api-key", "NuGet API key", High,
        ["oy2"],
        r"oy2[0-9a-z]{43}\b",
        entropy: 3.8, inner: true;
        yes ["o", "y204cgxt44bm2cdat7f8etc61fq6pu5mn75xpt1nvd5oq"];
        no ["o", "y2kxx263ry3"];
    text "nuget-clear-text-password", "Password in a NuGet configuration", High,
        ["ClearTextPassword"],
        r#"ClearTextPassword"?\s{0,4}value\s{0,2}=\s{0,2}"([^"\s]{4,200})""#;
        yes ["<add key=\"ClearText", "Password\" value=\"", "MdqpUKSjZKKcEbtE", "\" />"];
        no ["<add key=\"ClearText", "Password\" value=\"%NUGET_PASSWORD%\" />"];
    text "crates-io-token", "crates.io token", High,
        ["\"cio", "'cio", "=cio", " cio", "Ncio"],
        r".(cio[0-9A-Za-z]{32})\b",
        entropy: 3.8, strong: true, ignore_case: false;
        yes ["token = \"ci", "o", "yt36ftbQvNoo2lPjNmbE0Do78euCuGAx", "\""];
        no ["token = \"ci", "oOI7jW5wgb\""];
    token "docker-hub-token", "Docker Hub token", Critical,
        ["dckr_pat_", "dckr_oat_"],
        r"dckr_[po]at_[0-9A-Za-z_\-]{27,32}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.8;
        yes ["dckr_", "pat_1PCvT5nrkpGcbYfFh3HOcJ8JUI4"];
        no ["dckr_", "pat_di4qSH6QM"];
    text "docker-config-auth", "Registry password in a Docker configuration", High,
        ["\"auth\"", "\"identitytoken\""],
        r#""(?:auth|identitytoken)"\s{0,8}:\s{0,8}"([0-9A-Za-z+/=_\-.]{8,})""#,
        reach: 400, entropy: 2.5, paths: &[".docker/config.json", ".dockercfg", ".dockerconfigjson", "containers/auth.json", "kaniko/.docker/config.json"];
        yes ["{\"auths\":{\"r.io\":{\"au", "th\":\"", "xdm8sLvYT2G2R+Yids/dLiSJt4xC", "\"}}}"];
        no ["{\"auths\":{\"r.io\":{\"au", "th\":\"\"}}}"];
    token "artifactory-api-key", "Artifactory API key", High,
        ["AKCp"],
        r"AKCp[0-9A-Za-z]{69}\b",
        entropy: 4.0;
        yes ["AK", "Cpg8dpqEz90zbaYNTMwu6ofLp81SgnIHjijDDyzVkCpmhLj3I1kwFS6vc05hWoM3xwCpDbf"];
        no ["AK", "Cpi0EkHEuES"];
    token "artifactory-reference-token", "Artifactory reference token", High,
        ["cmVmdGtuO"],
        r"cmVmdGtuO[0-9A-Za-z]{55}\b",
        entropy: 4.0;
        yes ["cmVm", "dGtuOL85SavD5unHivl6vCg12E7qS0lRdkwsSptImpEXmMK6a63FWKWYtSCi"];
        no ["cmVm", "dGtuOSGCrs"];
    text "maven-settings-password", "Password in Maven's settings", High,
        ["<password>", "<passphrase>"],
        r"<(?:password|passphrase)>\s{0,8}([^<>\s]{4,200})\s{0,8}</",
        paths: &["settings.xml", "settings-security.xml"];
        yes ["<pass", "word>", "o4ptPddMvgiRxw", "</password>"];
        no ["<pass", "word>${env.PASSWORD}</password>"];
    text "netrc-password", "Password in a .netrc file", High,
        ["machine"],
        r"machine\s+\S{1,200}\s+login\s+\S{1,200}\s+password\s+(\S{4,200})",
        reach: 700, paths: &[".netrc", "_netrc", ".authinfo"];
        yes ["machine", " git.acme.io login ci password ", "QysiLr4prgqRyD", "\n"];
        no ["machine", " git.acme.io login ci password $TOKEN\n"];
    text "pgpass-password", "Password in a .pgpass file", High,
        [":543"],
        r":543[0-9]:[^:\n]{1,64}:[^:\n]{1,64}:([^\n]{4,200})",
        paths: &[".pgpass", "pgpass.conf"];
        yes ["db.acme.io:54", "32:app:app:", "l5jDhZlLxUSxuy", "\n"];
        no ["db.acme.io:54", "32:app\n"];
    token "clojars-token", "Clojars deploy token", High,
        ["CLOJARS_"],
        r"CLOJARS_[0-9a-f]{60}\b",
        entropy: 3.0;
        yes ["CLO", "JARS_0397d8581430a298593e71085f671683fc1c51b6b8d3e1879f51baff5472"];
        no ["CLO", "JARS_4b78ba"];
    token "cloudsmith-packagist-token", "Private Packagist token", High,
        ["packagist_"],
        r"packagist_[ou][rua]t_[0-9a-f]{68}\b",
        entropy: 3.0;
        yes ["pack", "agist_out_6dfe6f5ffaf37cadb875f067ba48801a7ad0e520f77c0488304c432970461c849489"];
        no ["pack", "agist_out_10641af7"];

    // Chat.
    token "slack-bot-token", "Slack bot token", High,
        ["xoxb-"],
        r"xoxb-[0-9]{8,14}-[0-9A-Za-z\-]{18,}",
        entropy: 3.0;
        yes ["xo", "xb-563138999135-660627839840-7XUE5EGtaVBgcmP8QQVbm4Ej"];
        no ["xo", "xb-810307056223"];
    token "slack-user-token", "Slack user token", High,
        ["xoxp-", "xoxe-1", "xoxe.x"],
        r"xox[pe](?:\.xox[bp])?-(?:[0-9]{1,14}-){1,4}[0-9A-Za-z\-]{28,200}",
        reach: 400, entropy: 3.0;
        yes ["xo", "xp-481957699498-801410127350-101433053251-fa7ea85ac11c109aca57bb1a4f1a7897"];
        no ["xo", "xp-714324062084"];
    token "slack-app-token", "Slack app token", High,
        ["xapp-"],
        r"xapp-[0-9]-[0-9A-Z]{8,14}-[0-9]{8,14}-[0-9a-zA-Z]{32,}",
        entropy: 3.0;
        yes ["xa", "pp-1-AA3EBPOBU4D-2054992012912-b9ac243423ce4e4542e51d271374c7ec02cfe6a4f08ea29264d52e32bf741913"];
        no ["xa", "pp-1-AYXST8IR9PG"];
    token "slack-legacy-token", "Slack workspace token, old form", High,
        ["xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxd-"],
        r"xox[arsod]-[0-9A-Za-z%\-]{30,250}",
        reach: 400, entropy: 3.0;
        yes ["xo", "xs-420291023560-135289262695-ea345419cf2d81412105ff6945b4d849"];
        no ["xo", "xs-853598833959"];
    text "slack-webhook", "Slack webhook", High,
        ["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(T?[0-9A-Z]{8,12}/[0-9A-Z]{8,20}/[0-9A-Za-z/]{20,64})",
        entropy: 3.0, strong: true;
        yes ["https://hooks.slack", ".com/services/", "T2OMPLFCHE/B1O8PMUOMD/rgqMrrbs6xPVGbd9SAhIS2aT"];
        no ["https://hooks.slack", ".com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"];
    vendor "discord-token", "Discord bot token or client secret", High,
        ["discord"],
        r"[0-9A-Za-z_\-]{24,28}\.[0-9A-Za-z_\-]{6}\.[0-9A-Za-z_\-]{27,38}|[0-9A-Za-z_\-]{32}",
        entropy: 4.0;
        yes ["DISCORD_", "TOKEN=", "MsB8wbAeS6L5mq5RblakYOhT.XtzRfQ.1ScM74GunXJX7vQL2Gao0GIDNvb"];
        no ["DISCORD_", "TOKEN=oyOyC0LKE"];
    text "discord-webhook", "Discord webhook", High,
        ["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/([0-9]{17,20}/[0-9A-Za-z_\-]{60,80})",
        entropy: 4.0, strong: true;
        yes ["https://discord.", "com/api/webhooks/", "263235981723527552/73ica6AL0a5rCerAK5KEWMn51suRvRmwYgRqq20TcKIHWGuv9kWFfB9Ri5SORBRtyhAz"];
        no ["https://discord.", "com/api/webhooks/1234/abc"];
    token "telegram-bot-token", "Telegram bot token", High,
        [":AA"],
        r"[0-9]{8,10}:AA[0-9A-Za-z_\-]{33}(?:[^0-9A-Za-z_\-]|$)",
        back: (8, 10), entropy: 4.0;
        yes ["5480505135", ":AA", "uBn1m59YF5k1dxLlUes6PETs0itYLxAME"];
        no ["7059239393", ":AA", "4SitYVo4c"];
    text "teams-webhook", "Microsoft Teams webhook", High,
        ["webhook.office.com/webhookb2/"],
        r"webhook\.office\.com/webhookb2/([0-9a-f\-]{36}@[0-9a-f\-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f\-]{36})",
        entropy: 3.0, strong: true;
        yes ["https://acme.webhook.office.", "com/webhookb2/", "48812d4a-0a1e-413e-afd4-f5fce9779030@a18bbc15-cbed-4a32-a069-bba7de7d5c5d/IncomingWebhook/b80c3cf892afd08018c339c39f351e15/a5d010da-c5a2-4f59-a4bc-da1b9c9f5701"];
        no ["https://acme.webhook.office.", "com/webhookb2/64793e00-6cb4-483f-a9f8-c6ee04cb7c14"];
    vendor "mattermost-token", "Mattermost token", Medium,
        ["mattermost"],
        r"[0-9a-z]{26}",
        entropy: 3.5;
        yes ["MATTERMOST_", "TOKEN=", "klwjm6gs7k1xrzfahn0jjgt9sp"];
        no ["MATTERMOST_", "TOKEN=2amhnpt9a"];
    token "facebook-access-token", "Facebook access token", High,
        ["EAAM", "EAAC", "EAAB", "EAAG"],
        r"EAA[MCBG][0-9A-Za-z]{100,}\b",
        entropy: 4.5, inner: true, strong: false;
        yes ["EA", "ACjhItpIDeA7Ug504nJcPkWmOoQ8BXOsZ1mu9igU2IEXPAAWiT7ZdLLQhoQKg31ZKDbO5zKBK4p4MquvS0Ofq9k4FfGLs6i5IROfyrSxxCQVaIeLEeZWnfbXB9"];
        no ["EA", "AC9DejKxGto2jR"];
    vendor "facebook-secret", "Facebook app secret", High,
        ["facebook"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["FACEBOOK_", "APP_SECRET=", "9f27c0baddde10321a0420015c0aab6a"];
        no ["FACEBOOK_", "APP_ID=56ffa1b05fc217d929f49f93829309a4"];
    vendor "twitter-secret", "X (Twitter) secret", High,
        ["twitter"],
        r"[0-9A-Za-z]{50}|[0-9A-Za-z]{45}|[0-9]{15,25}-[0-9A-Za-z]{20,40}",
        entropy: 3.4;
        yes ["TWITTER_", "API_SECRET=", "6eH8CaPr7R9G6hKip9TSN3SOrhU3ReeGlOpRYbYol8KZqUkb1N"];
        no ["TWITTER_", "API_SECRET=3qLVETXTA"];
    vendor "linkedin-secret", "LinkedIn client secret", Medium,
        ["linkedin"],
        r"[0-9A-Za-z]{16}",
        entropy: 3.5;
        yes ["LINKEDIN_", "CLIENT_SECRET=", "riLE6K8XdS2i7Ejp"];
        no ["LINKEDIN_", "CLIENT_SECRET=X8rhNPutv"];
    vendor "twitch-token", "Twitch token", Medium,
        ["twitch"],
        r"[0-9a-z]{30}",
        entropy: 3.5;
        yes ["TWITCH_", "CLIENT_SECRET=", "fge8klp3phafxi79ggihzsjvm825dr"];
        no ["TWITCH_", "CLIENT_SECRET=37h4lh33s"];

    // Payment.
    token "stripe-secret-key", "Stripe secret key", Critical,
        ["sk_live_", "rk_live_"],
        r"[sr]k_live_[0-9A-Za-z]{16,247}\b",
        reach: 320, entropy: 3.5;
        yes ["sk_", "live_4hAmvGJ6vRdLmXHL8dkfbzto"];
        no ["sk_", "live_GJ3KbD"];
    token "stripe-test-key", "Stripe secret key for tests", Low,
        ["sk_test_", "rk_test_"],
        r"[sr]k_test_[0-9A-Za-z]{16,247}\b",
        reach: 320, entropy: 3.5;
        yes ["sk_", "test_X7n7ZamjjxEjyBosj4W0rPTI"];
        no ["sk_", "test_W0xZVX"];
    token "stripe-webhook-secret", "Stripe webhook secret", Medium,
        ["whsec_"],
        r"whsec_[0-9A-Za-z+/]{32,64}\b",
        entropy: 3.8;
        yes ["wh", "sec_l4e8miW0IX8ffP3IGP8HNWUM1gwCl7dv"];
        no ["wh", "sec_vqr0V6"];
    token "square-access-token", "Square access token", Critical,
        ["sq0atp-", "sq0csp-"],
        r"sq0(?:atp-[0-9A-Za-z_\-]{22}|csp-[0-9A-Za-z_\-]{43})(?:[^0-9A-Za-z_\-]|$)",
        entropy: 3.5;
        yes ["sq0", "atp-2XuTkHyND9rJzHFf217Tey"];
        no ["sq0", "atp-wIMGi2"];
    token "braintree-access-token", "PayPal Braintree access token", Critical,
        ["access_token$production$"],
        r"access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}\b",
        entropy: 3.0;
        yes ["access_token$", "production$6di5fxqcrxiuo9jr$cc772e13a4a73f42311e1a0823e0587c"];
        no ["access_token$", "production$hoi9ymnf8j5w1wrs"];
    vendor "paypal-secret", "PayPal client secret", High,
        ["paypal", "braintree"],
        r"E[0-9A-Za-z_\-]{79}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["PAYPAL_", "CLIENT_SECRET=", "EA_5sE1qsY8m-geOv_dQ4SOO9vNYaTyH0_69KZu-8qNQPPSlZqr2X9luQqXmkp3x4imakbt8V9x6cc6v"];
        no ["PAYPAL_", "CLIENT_SECRET=EN_623QM3D"];
    token "shopify-token", "Shopify token", High,
        ["shpat_", "shpca_", "shppa_", "shpss_"],
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
        entropy: 3.0;
        yes ["sh", "pat_ca1785e648a75e05ff11de9f4969fe4b"];
        no ["sh", "pat_0e22a1"];
    vendor "adyen-api-key", "Adyen API key", High,
        ["adyen"],
        r"AQE[0-9A-Za-z+/=\-]{60,250}",
        reach: 400, entropy: 4.0;
        yes ["ADYEN_", "API_KEY=", "AQEl/iUHrWC59Z9bUP8sdrLvmmDyXzRrWq7lI/snLuetLcfDUjrmVDoiAn0dDBTZ4VWhLSWJgr12+pAfYJZIHLyePiGst"];
        no ["ADYEN_", "API_KEY=AQE/2pYnKukE"];
    token "flutterwave-secret-key", "Flutterwave secret key", High,
        ["FLWSECK-", "FLWSECK_"],
        r"FLWSECK(?:_TEST)?-[0-9a-fA-F]{32}-X\b",
        entropy: 3.0;
        yes ["FLW", "SECK-8cca06a5fbb2a8420281ac5dac99aa3e-X"];
        no ["FLW", "SECK-89f73208e54d8516600ab42c275b47b6"];
    token "razorpay-key", "Razorpay key ID", Medium,
        ["rzp_live_"],
        r"rzp_live_[0-9A-Za-z]{14}\b",
        entropy: 3.0;
        yes ["rzp_", "live_8MJP7wdbF3Q3vO"];
        no ["rzp_", "live_Proe"];
    vendor "plaid-secret", "Plaid secret", High,
        ["plaid"],
        r"[0-9a-f]{30}",
        entropy: 3.0;
        yes ["PLAID_", "SECRET_KEY=", "48d2b8c926e2ba01997ea38e5e17a0"];
        no ["PLAID_", "CLIENT_ID=0f4c3ea794f331566f9ed779baa754"];
    vendor "coinbase-token", "Coinbase token", High,
        ["coinbase"],
        r"[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["COINBASE_", "ACCESS_TOKEN=", "seokncLtVNL4O1L0XVnwQMeFX2y5q9wuN0pXeZvYwUBGBm1Cebfeqyt1MOge4sI7"];
        no ["COINBASE_", "ACCESS_TOKEN=QDRe"];
    vendor "mollie-api-key", "Mollie API key", High,
        ["mollie"],
        r"live_[0-9A-Za-z]{30}",
        entropy: 3.5;
        yes ["MOLLIE_", "API_KEY=", "live_6kzpOVDSfZY1jaeWC0KAz2o23K0ezt"];
        no ["MOLLIE_", "API_KEY=live_npV0s"];
    token "shippo-token", "Shippo token", Medium,
        ["shippo_live_"],
        r"shippo_live_[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["shippo_", "live_07ebd2c57b2b5453a95ff2f3a242cb235a01f9a1"];
        no ["shippo_", "live_62f9"];
    token "easypost-api-key", "EasyPost API key", High,
        ["EZAK"],
        r"EZAK[0-9A-Za-z]{54}\b",
        entropy: 4.0;
        yes ["EZ", "AKB02Myu0oibvNFs0CJRYPqFFPnNkPT7lKUMgTMUM77TC5IbgeayyRoZ"];
        no ["EZ", "AKu0hb"];

    // Mail and telephony.
    vendor "twilio-api-key", "Twilio API key or token", High,
        ["twilio"],
        r"SK[0-9a-f]{32}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["TWILIO_", "AUTH_TOKEN=", "2faeee297950af1805dab101a423c187"];
        no ["TWILIO_", "ACCOUNT_SID=AC3148bd17cc82d22c975e8196a6afe771"];
    token "sendgrid-api-key", "SendGrid API key", High,
        ["SG."],
        r"SG\.[0-9A-Za-z_\-]{22}\.[0-9A-Za-z_\-]{43}(?:[^0-9A-Za-z_\-]|$)",
        entropy: 4.0;
        yes ["S", "G.v0lei21woa_vbdx1BmUeKa.8571J4Mf4LQ4-LRgFvTbNl0ZlX_D28JN4yxgxZvOfMn"];
        no ["S", "G.26YyVLBi63tqyNQC8aMHGp"];
    token "brevo-api-key", "Brevo (Sendinblue) API key", High,
        ["xkeysib-", "xsmtpsib-"],
        r"x(?:key|smtp)sib-[0-9a-f]{64}-[0-9A-Za-z]{16}\b",
        entropy: 3.5;
        yes ["xkey", "sib-634d58b8e413d1537914d4fc93e8ca12c27487f72051d57311725af8fa137f3e-assfMIrj1ltj1Z6C"];
        no ["xkey", "sib-4441037836d55f543b7158d62fa686ab8bdb474dde97dbf2be41d42e93dfb4d3"];
    token "mailgun-api-key", "Mailgun API key", High,
        ["key-"],
        r"key-[0-9a-f]{32}\b",
        entropy: 3.0, strong: false;
        yes ["ke", "y-5d869ddb7516ccd55295938e634321e0"];
        no ["ke", "y-8f461105d"];
    vendor "mailgun-signing-key", "Mailgun signing key", High,
        ["mailgun"],
        r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        entropy: 3.0;
        yes ["MAILGUN_", "SIGNING_KEY=", "64a8924e7075956de17c363daefc8983-88a2246f-9a85f13f"];
        no ["MAILGUN_", "SIGNING_KEY=5f456ef8"];
    token "mailchimp-api-key", "Mailchimp API key", High,
        ["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
        r"[0-9a-f]{32}-us[0-9]{1,2}\b",
        back: (32, 32), entropy: 3.0;
        yes ["b7b1bcdafd18ec61", "20b9ff4250429d2d", "-us14"];
        no ["6b7305741aac8f39", "-us14"];
    vendor "mailjet-secret", "Mailjet secret", Medium,
        ["mailjet"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["MAILJET_", "SECRET_KEY=", "3d8511820ff15c56491785f57b7a7a7b"];
        no ["MAILJET_", "SECRET_KEY=fa9"];
    vendor "postmark-token", "Postmark server token", Medium,
        ["postmark"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["POSTMARK_", "SERVER_TOKEN=", "4a679978-09d5-40bc-a7be-1f610a2db824"];
        no ["POSTMARK_", "ID=a910c1e1-f32a-4b70-a89e-4bd5274b83e0"];
    vendor "messagebird-token", "MessageBird token", Medium,
        ["messageBird"],
        r"[0-9A-Za-z]{25}",
        entropy: 3.5;
        yes ["MESSAGEBIRD_", "API_TOKEN=", "1DgVbYx2CKivTdTGZmtz4IDNh"];
        no ["MESSAGEBIRD_", "API_TOKEN=Z5e0R"];

    // Observability.
    vendor "datadog-api-key", "Datadog API or application key", High,
        ["datadog", "dd_api", "dd_app"],
        r"[0-9a-f]{40}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["DD_API_", "KEY=", "8d758973b40208e90469f5841ec378d3"];
        no ["DATADOG_", "SITE_ID=de54e6be4f673dc4fbec7d170127af14"];
    token "newrelic-user-key", "New Relic user key", High,
        ["NRAK-"],
        r"NRAK-[0-9A-Z]{27}\b",
        entropy: 3.5;
        yes ["NR", "AK-V0DE0N6ML20MJIZZV4HFGJW16OV"];
        no ["NR", "AK-NDPBO92"];
    token "newrelic-insert-key", "New Relic insert key", Medium,
        ["NRII-"],
        r"NRII-[0-9A-Za-z_\-]{32}",
        entropy: 3.5;
        yes ["NR", "II-FnD7RwOk0pNGfZGQUthQ8oGGHLkmDCpo"];
        no ["NR", "II-DLR"];
    token "newrelic-licence-key", "New Relic licence key", Medium,
        ["NRAL"],
        r"[0-9a-f]{32,36}NRAL\b",
        back: (32, 36), entropy: 3.0;
        yes ["8bf8ed8096c30ba50556", "8a6ec1b350dfc439", "NRAL"];
        no ["b2fc8d4f10a25cec0300", "NRAL"];
    token "grafana-service-account-token", "Grafana service account token", High,
        ["glsa_"],
        r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}\b",
        entropy: 3.5;
        yes ["gl", "sa_Fe29OWlCOw7QmcYmqUqNEMZy3HPIDWFI_41eb376a"];
        no ["gl", "sa_LslR1lwNZ3PRkVlT4K7G5bK122Y2zuP5"];
    token "grafana-cloud-token", "Grafana Cloud token", High,
        ["glc_ey"],
        r"glc_ey[0-9A-Za-z+/]{32,400}={0,2}",
        reach: 500, entropy: 4.0;
        yes ["gl", "c_eyJvSPFrZ2bEnFcTBsf6dPA3xL5IChfBW2DaCqiSTMc1xXLB4hmoGipTjyCDhQJEVV18XixPJk7jZfMdzZWJ"];
        no ["gl", "c_eyJvTP42WfsH"];
    token "grafana-api-key", "Grafana API key, old form", High,
        ["eyJrIjoi"],
        r"eyJrIjoi[0-9A-Za-z+/]{60,400}={0,2}",
        reach: 500, entropy: 4.0;
        yes ["eyJr", "Ijoi8pKg0qXNf1o7SVArzft82JvlY8wYHowKDQvDMTT9Nwvg4j59IIbB22BK8wdWYioYIOv8jzhEQ6EW1JIn3Xq4lvAWrw"];
        no ["eyJr", "IjoiTBBRKGS37"];
    token "sentry-token", "Sentry token", High,
        ["sntrys_", "sntryu_"],
        r"sntry(?:u_[0-9a-f]{64}|s_eyJ[0-9A-Za-z+/=_]{80,300})",
        reach: 400, entropy: 3.0;
        yes ["sntr", "yu_e3c852264c18d31cb66335a3c06e80702fb79c1ddf6f348a237279ad6d8faeb2"];
        no ["sntr", "yu_b12699"];
    token "dynatrace-token", "Dynatrace token", High,
        ["dt0c01.", "dt0s01.", "dt0s16."],
        r"dt0[cs][01][16]\.[0-9A-Z]{8,24}\.[0-9A-Z]{64}\b",
        entropy: 3.8;
        yes ["dt0", "c01.OJW73AVKGYZH5H2ML2MQYMRA.PG4UAVOOG7O5ASONMJZNZE0QMSJEJOYFUI70ASZUQNVBGBQCD6D86V6X312LHEBD"];
        no ["dt0", "c01.YQ6SGWUWGX29VDJD106OKBYQ"];
    vendor "pagerduty-token", "PagerDuty token", Medium,
        ["pagerDuty", "pager_duty"],
        r"[0-9A-Za-z_+\-]{20}",
        entropy: 3.4;
        yes ["PAGERDUTY_", "TOKEN=", "EcCs7CO7fgcmCRqeHg6R"];
        no ["PAGERDUTY_", "TOKEN=Wr"];
    token "honeycomb-api-key", "Honeycomb key", Medium,
        ["hcaik_", "hcxik_", "hcamk_"],
        r"hc[ax][im]k_[0-9a-z]{58}\b",
        entropy: 3.8;
        yes ["hca", "ik_4phvkz64xyl8jk57eeevh6v1nj3so814ules5r43if0npfqlx83upjxetl"];
        no ["hca", "ik_9qo3loou"];
    vendor "sumologic-key", "Sumo Logic access key", Medium,
        ["sumoLogic", "sumo_"],
        r"[0-9A-Za-z]{64}",
        entropy: 4.0;
        yes ["SUMOLOGIC_", "ACCESS_KEY=", "av5p8jWH7LiG6jACRdyoyCeoPuOm5bFwasFDxcnCVQ8fk4aGRF6e1WMKaKA0Uotk"];
        no ["SUMOLOGIC_", "ACCESS_KEY=UQon"];
    vendor "rollbar-token", "Rollbar access token", Medium,
        ["rollbar"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ROLLBAR_", "ACCESS_TOKEN=", "f63f5a8ba1a89b11b62ba4d797c62df7"];
        no ["ROLLBAR_", "ACCESS_TOKEN=ea"];
    vendor "honeybadger-api-key", "Honeybadger or Airbrake API key", Medium,
        ["honeybadger", "airbrake"],
        r"[0-9A-Za-z]{32}",
        entropy: 3.0;
        yes ["AIRBRAKE_", "API_KEY=", "eec736682c5c6c21870fd5d2f0917061"];
        no ["AIRBRAKE_", "API_KEY=69"];

    // Services.
    vendor "okta-token", "Okta API token", High,
        ["okta"],
        r"00[0-9A-Za-z_\-]{40}",
        entropy: 4.0;
        yes ["OKTA_", "API_TOKEN=", "00WYTZ-Qj8wv8OW4nrIG_-hS4bQ7i7QNTTeg--atCj"];
        no ["OKTA_", "API_TOKEN=00ac-2"];
    vendor "auth0-client-secret", "Auth0 client secret", High,
        ["auth0"],
        r"[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["AUTH0_", "CLIENT_SECRET=", "D6UW6qiAb1L2Q6jlcm7kXI3Fe1JOGHmIh8e0QATvKssbNTwW2ssaf4wKfXqG12EA"];
        no ["AUTH0_", "CLIENT_SECRET=ujS1"];
    token "atlassian-api-token", "Atlassian API token", High,
        ["ATATT3xFf", "ATCTT3xFf"],
        r"AT[AC]TT3xFf[0-9A-Za-z_=\-]{100,250}",
        reach: 400, entropy: 4.0;
        yes ["ATATT", "3xFfGF0ognH-bwDj-iLAbF6BAqZ-grHtyIz-bt_spcnX9zgCHPveXtq3GNyINHhxrp6Ai8QWgpMRpDsUnsR-Bg224M0y6CIDq2P6Kw0MSqNNaZdDm9IIiKeWMAJw5Bbk09y0mYZhusVwAs9u9fS5aizgMYABX8gRjiA0-Ejts8whG_v8t=CE271CF3"];
        no ["ATATT", "3xFfGF0YuezGk0K-nPAdBEE9"];
    vendor "atlassian-api-token-legacy", "Atlassian API token, old form", Medium,
        ["atlassian", "confluence", "jira"],
        r"[0-9A-Za-z]{24}",
        entropy: 3.4;
        yes ["JIRA_", "API_TOKEN=", "arOASkWcPPk487VIi19G1K7O"];
        no ["JIRA_", "API_TOKEN=pPjE"];
    vendor "asana-token", "Asana token", Medium,
        ["asana"],
        r"[0-9]/[0-9]{16}:[0-9a-f]{32}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ASANA_", "ACCESS_TOKEN=", "1/1116122830600352:85534c1a63bfa427279d622a6c6c9a8e"];
        no ["ASANA_", "ACCESS_TOKEN=1/622307"];
    token "linear-api-key", "Linear API key", High,
        ["lin_api_", "lin_oauth_"],
        r"lin_(?:api|oauth)_[0-9A-Za-z]{40,64}\b",
        entropy: 3.8;
        yes ["lin_", "api_We9tEkLltdOgjCYAciRxievJJQ6PwKPPBJS3BOcA"];
        no ["lin_", "api_dR2P"];
    token "notion-token", "Notion token", High,
        ["ntn_"],
        r"ntn_[0-9]{11}[0-9A-Za-z]{35}\b",
        entropy: 3.8;
        yes ["nt", "n_182293796111jzWFHmucr5y4MKFUXgPq481NlQoVOimh3p"];
        no ["nt", "n_90919632652"];
    token "notion-token-legacy", "Notion token, old form", High,
        ["secret_"],
        r"secret_[0-9A-Za-z]{43}\b",
        entropy: 4.2, strong: false;
        yes ["sec", "ret_84XdGVOoYvOEV5EcmG5FTSSGy418Qc4C88Bg9sIFRr9"];
        no ["sec", "ret_of_the_old_mill"];
    token "figma-token", "Figma token", High,
        ["figd_", "figo_"],
        r"fig[do]_[0-9A-Za-z_\-]{40}",
        entropy: 3.8;
        yes ["fi", "gd_Onwdu2cNUgoCPzbBxTMiKJJeK8aQTwmCZXUGDTvB"];
        no ["fi", "gd_RhWG"];
    vendor "airtable-token", "Airtable token", High,
        ["airtable"],
        r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}|key[0-9A-Za-z]{14}",
        entropy: 3.0;
        yes ["AIRTABLE_", "API_KEY=", "patPyn70YENPm1haY.f57b76f2c34ad5cfec16afd8950b41d4d2a7a2f16f1fd903a3863e06ef7f2ab4"];
        no ["AIRTABLE_", "API_KEY=patLA6p"];
    vendor "algolia-api-key", "Algolia API key", Medium,
        ["algolia"],
        r"[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ALGOLIA_", "ADMIN_KEY=", "084d375802ffc39f2c39ce3d48b56a6a"];
        no ["ALGOLIA_", "APP_ID=f2f003946c7dde4de004dd250d391032"];
    token "contentful-token", "Contentful management token", High,
        ["CFPAT-"],
        r"CFPAT-[0-9A-Za-z_\-]{43}",
        entropy: 3.8;
        yes ["CF", "PAT-ShLi2Isb8doW2DO8vCt2hYtUlY9GCFsLkVG6AfwUvoN"];
        no ["CF", "PAT-XZKa"];
    token "postman-api-key", "Postman API key", High,
        ["PMAK-"],
        r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b",
        entropy: 3.0;
        yes ["PM", "AK-41f4bb7ed91dfebad4321d70-ed82889790af295bb45226210463d3499d"];
        no ["PM", "AK-50b15d2cf193c7604d76beac"];
    token "databricks-token", "Databricks token", High,
        ["dapi"],
        r"dapi[0-9a-f]{32}(?:-[0-9])?\b",
        entropy: 3.0;
        yes ["da", "pic0809b00d5839b2a4a6dfcfd71aa42c8"];
        no ["da", "pi60b"];
    vendor "snowflake-password", "Snowflake password or token", High,
        ["snowflake"],
        r"[0-9A-Za-z_.!@#%^*+\-]{10,200}",
        entropy: 3.5, config_only: true;
        yes ["SNOWFLAKE_", "PASSWORD=", "goNJ662awJ2TzyHO"];
        no ["SNOWFLAKE_", "PASSWORD=changeme1234"];
    token "vault-token", "HashiCorp Vault token", Critical,
        ["hvs.", "hvb.", "hvr."],
        r"hv[sbr]\.[0-9A-Za-z_\-]{24,300}",
        reach: 400, entropy: 3.8;
        yes ["hv", "s.q27nXUDG21ZdwnO3wO866Fa4uj4UPDfBlmuKb3EkYQL9MYE5T6WFXvEWGihIJc7aOL5m8awlwimNreVx5a3STl2Lu6"];
        no ["hv", "s.EaMhNaLOY"];
    vendor "vault-token-legacy", "HashiCorp Vault token, old form", High,
        ["vault"],
        r"[sb]\.[0-9A-Za-z]{24}",
        entropy: 3.5;
        yes ["VAULT_", "TOKEN=", "s.lZump8PtkUS14NnSYpTQ74Qs"];
        no ["VAULT_", "TOKEN=s.b8il"];
    token "terraform-cloud-token", "HCP Terraform token", Critical,
        [".atlasv1."],
        r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_\-]{60,70}",
        back: (14, 14), entropy: 4.0;
        yes ["d362bX6YNkfAnk", ".atlas", "v1.7RGfN9nf7KbK8qJfSDN7WN0WwcYjxnon-th6P_oOpd4uxB-crQK6DLaKmRqBwGd-aWQ"];
        no ["jDpcXXmY84ZKlP", ".atlas", "v1.Rzju2x-"];
    vendor "consul-token", "HashiCorp Consul or Nomad token", High,
        ["consul", "nomad"],
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        entropy: 3.0;
        yes ["CONSUL_HTTP_", "TOKEN=", "ecaace6a-b56f-4ce1-a1c4-25cd1e65330c"];
        no ["CONSUL_", "NODE_ID=4e8fbe49-eb7f-4586-a801-4f369a3fcda6"];
    token "doppler-token", "Doppler token", High,
        ["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[0-9A-Za-z]{40,44}\b",
        entropy: 3.8;
        yes ["dp.", "pt.C4wb0M6zYP9FkFKCL7WScCvIFuBB4nBnXib6YHEIJr6"];
        no ["dp.", "pt.3Eaf"];
    token "pulumi-token", "Pulumi access token", High,
        ["pul-"],
        r"pul-[0-9a-f]{40}\b",
        entropy: 3.0;
        yes ["pu", "l-c4681d8cc15c068f83c3f8a373463acdf518affe"];
        no ["pu", "l-ad92"];
    token "infracost-token", "Infracost API key", Medium,
        ["ico-"],
        r"ico-[0-9A-Za-z]{32}\b",
        entropy: 3.8;
        yes ["ic", "o-Lijz6uB0dhWKaEo8mvU2O2p0prslG0o4"];
        no ["ic", "o-zWi"];
    token "onepassword-service-account-token", "1Password service account token", Critical,
        ["ops_eyJ"],
        r"ops_eyJ[0-9A-Za-z+/]{250,}={0,3}",
        reach: 1500, entropy: 4.0;
        yes ["ops_", "eyJx5oPCai1X7DWkQauaVkQJGZKvUrIX6XRo/i+HuAjWEjhgg/SQ3BqpEFYSVKTG0/Hxxri3pJTBNu83yA9/G5OL1Nj8RemR57LTmJTc2vYpHvZwFiAAeosZYz0rI/13/8dWXGjSwg0DYgz7QWToIclNcdoo5x2tM/F3yI3jPD/GFDi0EQyucllS329A/0cDbWtV+RBjeqSh2bWqvXm29Qr1HW1uT2mB740YxECpKuTsFTJ2WfEmtsCFsjSEfPYqobRjlBCl00rBYDYYtEZTisNhup8drT41Il8JuQKeL62SCHr/ZI2Hg3F1YR8cIsHmh9JA/M7GZGCfiFFfvJENPnHN/ilfzLv6vmb2prB1/87FeIKCD3+gqWD/eN/6WE91mkzDBMIJO2vPZNnLF70"];
        no ["ops_", "eyJsqcjiF9OEhgM/mk41e6bMf0BrbtOFrTGC96/Aezl"];
    token "onepassword-secret-key", "1Password secret key", High,
        ["A3-A", "A3-B", "A3-C", "A3-D", "A3-E", "A3-F", "A3-G", "A3-H", "A3-J", "A3-K", "A3-L", "A3-M", "A3-N", "A3-P", "A3-Q", "A3-R", "A3-S", "A3-T", "A3-V", "A3-W", "A3-X", "A3-Y", "A3-Z", "A3-2", "A3-3", "A3-4", "A3-5", "A3-6", "A3-7", "A3-8", "A3-9"],
        r"A3-[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})(?:-[0-9A-Z]{5}){3}\b",
        entropy: 3.8;
        yes ["A", "3-KWQHQX-5HV59E-85IXK-SMNPY-CNU13-7A01D"];
        no ["A", "3-KOM1FN-JVX6KJ"];
    token "launchdarkly-key", "LaunchDarkly key", High,
        ["sdk-", "api-"],
        r"(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
        entropy: 3.0, strong: false;
        yes ["sd", "k-ad8cd6c1-d591-43d8-a5ec-0cf2a21aed20"];
        no ["sd", "k-a5aefd79"];
    token "hubspot-token", "HubSpot private app token", High,
        ["pat-na1-", "pat-eu1-", "pat-na2-", "pat-ap1-"],
        r"pat-(?:na|eu|ap)[12]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        entropy: 3.0;
        yes ["pat-", "na1-5f94ab38-b042-4e60-a6dc-4dbdd9bc337c"];
        no ["pat-", "na1-98be23ac"];
    vendor "intercom-token", "Intercom access token", Medium,
        ["intercom"],
        r"dG9r[0-9A-Za-z+/=_]{40,60}",
        entropy: 4.0;
        yes ["INTERCOM_", "ACCESS_TOKEN=", "dG9rhWvSONQyjrDnCpseMKK98GiQcViIC4dlEDKXo5IXFsSCXXwZPF"];
        no ["INTERCOM_", "ACCESS_TOKEN=dG9r1HqV5"];
    vendor "zendesk-token", "Zendesk token", Medium,
        ["zendesk"],
        r"[0-9A-Za-z]{40}",
        entropy: 4.0;
        yes ["ZENDESK_", "API_TOKEN=", "bTQQxBekTZ7ahYGTjpf5F0pC1khxHaw4EGdMHddA"];
        no ["ZENDESK_", "API_TOKEN=qybhg"];
    token "typeform-token", "Typeform token", Medium,
        ["tfp_"],
        r"tfp_[0-9A-Za-z_.=\-]{44,59}(?:[^0-9A-Za-z_.=\-]|$)",
        entropy: 4.0;
        yes ["tf", "p_TwJGvuscUmwo8V8oOtow6HBPLdSaors2zPv08aC6on2KHH7zcC"];
        no ["tf", "p_JxaYN"];
    token "tailscale-key", "Tailscale key", High,
        ["tskey-"],
        r"tskey-(?:api|auth|client|scim|webhook)-[0-9A-Za-z]{8,24}-[0-9A-Za-z]{20,48}\b",
        entropy: 3.8;
        yes ["tsk", "ey-auth-DyIJmgbtbsuPZnqH5-1TkEOpjzUS0aECprQ4N3Cn0NzYSVC8xG"];
        no ["tsk", "ey-auth-ouPl7iXoWRXErQR1N"];
    vendor "ngrok-token", "ngrok token", Medium,
        ["ngrok"],
        r"[0-9A-Za-z]{20,32}_[0-9A-Za-z]{15,25}",
        entropy: 4.0;
        yes ["NGROK_", "AUTHTOKEN=", "2wTIOmiHs4ami1MliKWPLukFcxx_mERUs4ej6gXUmbACKTmVQ"];
        no ["NGROK_", "AUTHTOKEN=2HPrQRR"];
    token "prefect-api-key", "Prefect API key", Medium,
        ["pnu_", "pnb_"],
        r"pn[ub]_[0-9A-Za-z]{36}\b",
        entropy: 3.8;
        yes ["pn", "u_y9qEaqQwT7K3y2zzQ8bNBPm8YYnSgFL8IPd4"];
        no ["pn", "u_4eyzbY"];
    token "readme-api-key", "ReadMe API key", Medium,
        ["rdme_"],
        r"rdme_xn8s9h[0-9a-f]{64,70}\b",
        entropy: 3.0;
        yes ["rd", "me_xn8s9h74ec2bc872043f4988896a3744f2bc879b0c4297a8019bdc6ac05c42d3900c71"];
        no ["rd", "me_xn8s9hc2f3ec"];
    token "mapbox-secret-token", "Mapbox secret token", Medium,
        ["sk.eyJ"],
        r"sk\.eyJ[0-9A-Za-z_\-]{50,200}\.[0-9A-Za-z_\-]{22}",
        entropy: 4.0;
        yes ["sk.", "eyJ1Ijoipkgu7bzSnEHOOX2suzzfk4ks-VahYUtVC034Cj4tWzOoXakvpBIYpvdnXDBL.no7DMVQOg-JHhU1Bj1jr8M"];
        no ["sk.", "eyJ1Ijoi9svyJT"];
    vendor "confluent-secret", "Confluent secret", High,
        ["confluent"],
        r"[0-9A-Za-z+/]{64}",
        entropy: 4.3;
        yes ["CONFLUENT_", "CLOUD_API_SECRET=", "q5j8rjhjmciXEBw/YqztY/XFPycqBeiY8LDhNw21vgabUbPbTlCAtvQZYESHWZVd"];
        no ["CONFLUENT_", "CLOUD_API_SECRET=Z9kBi2"];
    text "cloudinary-url", "Cloudinary secret", High,
        ["cloudinary://"],
        r"cloudinary://[0-9]{10,20}:([0-9A-Za-z_\-]{20,40})@",
        entropy: 3.8, strong: true;
        yes ["cloudinary:", "//407859118990359:", "Wf3ws0ftFt0c59AqcaPYETKBS1a", "@acme"];
        no ["cloudinary:", "//key:secret@acme"];
    token "docker-swarm-token", "Docker Swarm join token or unlock key", High,
        ["SWMTKN-1-", "SWMKEY-1-"],
        r"SWM(?:TKN-1-[0-9a-z]{50}-[0-9a-z]{25}|KEY-1-[0-9A-Za-z+/]{43})(?:[^0-9A-Za-z+/]|$)",
        entropy: 3.8;
        yes ["SWM", "TKN-1-rypcq862xim0byh25ebglj4fdu9bdxvvqf2h1vfd5symq254it-7y4kfwapgor8pdc6va1n99mkl"];
        no ["SWM", "TKN-1-iap3k49andkxm1los51x91j6bu5g4j5ady33fyjtaaqtxusod6"];
    vendor "dropbox-token", "Dropbox token", High,
        ["dropbox"],
        r"sl\.[0-9A-Za-z_=\-]{100,}|[0-9a-z]{64}|[0-9a-z]{15}",
        entropy: 3.2;
        yes ["DROPBOX_", "APP_SECRET=", "a4zb9kevry2lsvb"];
        no ["DROPBOX_", "APP_SECRET=0xzot"];
    vendor "rapidapi-key", "RapidAPI key", Medium,
        ["rapidApi"],
        r"[0-9A-Za-z]{50}",
        entropy: 4.0;
        yes ["RAPIDAPI_", "KEY=", "eYsOxZBcYpDijTLFeKQGJVY9Io1GJb5jPUiHONjYMXjzJAoXMQ"];
        no ["RAPIDAPI_", "KEY=jSs5b"];

    // Models.
    token "anthropic-api-key", "Anthropic API key", Critical,
        ["sk-ant-"],
        r"sk-ant-(?:api|admin|sid|oat|ort)[0-9]{2}-[0-9A-Za-z_\-]{80,120}",
        entropy: 4.0;
        yes ["sk-", "ant-api03-2Uqjfi0Gqvcm5DMUYgjnsl14k9Ai83lF4MwRW3iaCl9KpW5ZyRU-b5Jzr2hFjPwjEV5kYHVvDIBTyQBtkrqZCZlal-rVyAA"];
        no ["sk-", "ant-api03-eJ5M1Rp5cAA"];
    token "openai-api-key", "OpenAI API key", Critical,
        ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"],
        r"sk-(?:proj|svcacct|admin|None)-[0-9A-Za-z_\-]{20,100}T3BlbkFJ[0-9A-Za-z_\-]{20,100}",
        reach: 400, entropy: 4.0;
        yes ["sk-", "proj-F-g32bTS6y7ECX1D9mhDU7ef9h31eSnUN8TLEU2lhZIEcbCXPk4qiyOIhAT3Blb", "kFJ2O_g6o4ZzZfUmjUWy4vbHvRcwA4qhu5BYdJFAS-I4BaMahKDzeWc8wd1Hu"];
        no ["sk-", "proj-MsQiR6wEU8EpYsmJWjmonSK4xT4IVXt1FhwjAYXaM9BsEL9UqXrAYV3XgK"];
    token "openai-api-key-legacy", "OpenAI API key, old form", Critical,
        ["T3BlbkFJ"],
        r"sk-[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}\b",
        back: (23, 23), entropy: 4.0;
        yes ["sk-", "4zb0zvpED4t3iHcdDh1N", "T3Blb", "kFJmX6izoVpzOc8dBh0pWFV"];
        no ["sk-", "iHx9igRTqDPQYTMbpxljT3Blb", "kFJFM"];
    token "huggingface-token", "Hugging Face token", High,
        ["hf_", "api_org_"],
        r"(?:hf|api_org)_[A-Za-z]{34}\b",
        entropy: 3.8;
        yes ["h", "f_nperUQRVEZmlKVoxZazilVnCFSvRwwQWlf"];
        no ["h", "f_seLO"];
    vendor "cohere-api-key", "Cohere API key", High,
        ["cohere", "co_api"],
        r"[0-9A-Za-z]{40}",
        entropy: 4.0;
        yes ["COHERE_", "API_KEY=", "pngxMDNMz25ohDFcrJ6dQI7mE6FcBPMaSyZsS5ps"];
        no ["COHERE_", "API_KEY=Bn57"];
    token "replicate-token", "Replicate token", High,
        ["r8_"],
        r"r8_[0-9A-Za-z]{37}\b",
        entropy: 3.8;
        yes ["r", "8_lhDh07kj6wY246PyBh90FNAcoeTKZXZDmBdAa"];
        no ["r", "8_wzKu711"];
    token "groq-api-key", "Groq API key", High,
        ["gsk_"],
        r"gsk_[0-9A-Za-z]{52}\b",
        entropy: 4.0;
        yes ["gs", "k_JFkNiQYLU4TFpNBdtbtPaX0HaEsGnlKDNgjoHO6FtMwJT9kchtx6"];
        no ["gs", "k_ISRQo"];
    token "perplexity-api-key", "Perplexity API key", High,
        ["pplx-"],
        r"pplx-[0-9A-Za-z]{48}\b",
        entropy: 4.0;
        yes ["pp", "lx-bVWaTg4fY0XXJtC5PHkBvThxuzdv4pi2XQgS9uNZfVGXSqR4"];
        no ["pp", "lx-CFuP"];
    token "xai-api-key", "xAI API key", High,
        ["xai-"],
        r"xai-[0-9A-Za-z]{80}\b",
        entropy: 4.0;
        yes ["xa", "i-56gblAY01yDwM4Bv7G7PLXi8Adsj5MeVVucFZwtXKL70WzoDkgxAscoVXMAhR6moSwPT3pDMoRGXzk7X"];
        no ["xa", "i-CiEYcUcN"];
    token "openrouter-api-key", "OpenRouter API key", High,
        ["sk-or-v1-"],
        r"sk-or-v1-[0-9a-f]{64}\b",
        entropy: 3.0;
        yes ["sk-", "or-v1-23c8fa0d72075176610cf5a40e284075b829f2f6e65c53ad468e9c5129686dd8"];
        no ["sk-", "or-v1-61651f"];
    token "langsmith-api-key", "LangSmith API key", High,
        ["lsv2_"],
        r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b",
        entropy: 3.0;
        yes ["lsv", "2_pt_fb919a64fd533540329b90504aad83ff_65e2f39c04"];
        no ["lsv", "2_pt_f270d53f9270ece63ca8777081b2b4ec"];
    token "pinecone-api-key", "Pinecone API key", High,
        ["pcsk_"],
        r"pcsk_[0-9A-Za-z]{5,7}_[0-9A-Za-z]{60,64}\b",
        entropy: 4.0;
        yes ["pc", "sk_Js0JN9_w1vThUs2gBzfDxpA0Hk4ar2F4iywiSVbeBp0jpM9W8GR3uVpPg8KYJfCTuzYUUb"];
        no ["pc", "sk_dSpYwy"];
    token "nvidia-api-key", "NVIDIA API key", High,
        ["nvapi-"],
        r"nvapi-[0-9A-Za-z_\-]{64}",
        entropy: 4.0;
        yes ["nv", "api-k-VBUc93jPJlqttw_Zqmo_SQRWMtZEoBRI2UAKUonH03G45F3WB4T-EYZzODOmvb"];
        no ["nv", "api-IOilc3"];
    vendor "wandb-api-key", "Weights & Biases API key", High,
        ["wandb"],
        r"[0-9a-f]{40}",
        entropy: 3.0;
        yes ["WANDB_", "API_KEY=", "42e556790e3cd5c14cef7bf1e1b0c9f6b3c41056"];
        no ["WANDB_", "API_KEY=6a21"];
    vendor "mistral-api-key", "Mistral API key", High,
        ["mistral"],
        r"[0-9A-Za-z]{32}",
        entropy: 4.0;
        yes ["MISTRAL_", "API_KEY=", "12jcuagWeHx7AxIRPZk7i3U4SDn6hdjp"];
        no ["MISTRAL_", "API_KEY=BsD"];
    vendor "elevenlabs-api-key", "ElevenLabs API key", Medium,
        ["elevenLabs", "eleven_labs", "xi-api"],
        r"sk_[0-9a-f]{48}|[0-9a-f]{32}",
        entropy: 3.0;
        yes ["ELEVENLABS_", "API_KEY=", "sk_d30e086f73a88db5abd26bc86380c9aa87ddd5eda527abf4"];
        no ["ELEVENLABS_", "API_KEY=sk_3cfb"];

    // Frameworks and clusters.
    token "jwt", "JSON web token", Medium,
        ["eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", "eyJ4NXQiOi", "eyJhbGci"],
        r"eyJ[0-9A-Za-z_\-]{15,}\.eyJ[0-9A-Za-z_\-]{15,}\.[0-9A-Za-z_\-]{40,}",
        reach: 2048, entropy: 4.0, strong: false;
        yes ["eyJhb", "GciOiJSUzI1NiJ9.eyJi4JA1MPAoUmTOOqHKp34bJ6rnLQ-4EOBh3X2FziHc0PISH-Row0YnDFJ6YQL.YQTQLyYpEhpJiy8cpq98fYLCWY2VaQyqMgXp8RIrwGBmn4DmLlZko3_76vv5vEN4yUheiAdU44LMX6-xjR84xa"];
        no ["eyJhb", "GciOiJSUzI1NiJ9.eyJgMgoISYOC69_vJG9h1WGNxa45D5lI0Jdb051RhnllOUazjU7770_QPSeZE9V"];
    text "kubernetes-client-key", "Client key in a kubeconfig", High,
        ["client-key-data"],
        r#"client-key-data["']?\s{0,4}:\s{0,4}["']?(LS0tLS1CRUdJTi[0-9A-Za-z+/=]{60,})"#,
        reach: 400, entropy: 4.0, strong: true;
        yes ["client-key", "-data: ", "LS0tLS1CRUdJTiXTbP0bKS471BeBxvorVjPYBKnXI/+ddARgnuAdYO7eQJ1CFwzWVLKavdJDbgNZTeNIPw/YId4h8k7PKVBWV+zeG9uF67SEHSoQq8", "\n"];
        no ["client-key", "-data: DATA+OMITTED\n"];
    text "kubernetes-secret", "Kubernetes Secret with its data", Medium,
        ["kind: Secret", "\"kind\":\"Secret\"", "\"kind\": \"Secret\""],
        r#"kind"?:\s{0,4}"?Secret"?\s[^{}]{0,400}(?:stringData|data)"?:\s{0,4}\{?\s{1,12}"?[0-9A-Za-z_.\-]{1,100}"?:\s{0,4}["']?([0-9A-Za-z+/=]{16,})"#,
        reach: 1024, entropy: 3.2, any_boundary: true, ignore_case: false;
        yes ["kind: Sec", "ret\nmetadata:\n  name: db\ndata:\n  password: ", "1J9oaj2Mb7R9tfkpGPuoD3Pm", "\n"];
        no ["kind: Sec", "ret\nmetadata:\n  name: db\ndata: {}\n"];
    text "laravel-app-key", "Laravel application key", Medium,
        ["APP_KEY=base64:"],
        r"APP_KEY=base64:([0-9A-Za-z+/]{43}=)",
        entropy: 4.0;
        yes ["APP_KEY=", "base64:", "2lGLseAY8oKivA78qp617UrmaLAtmDhQakytsgt39Mc="];
        no ["APP_KEY=", "base64:"];
    assigned "rails-secret-key-base", "Rails secret key base", Medium,
        ["secret_key_base"],
        r"[0-9a-f]{64,200}",
        entropy: 3.0;
        yes ["secret_key", "_base: ", "5605f6bd3b68b7170245c8068d517c3d5f5fcc209591f97c86c141554ca8c721d5776f2cac46df5880df36219ecfd95d17c245e8fe945088dfe954bea091a8c9", "\n"];
        no ["secret_key", "_base: <%= ENV[\"A\"] %>\n"];
    assigned "django-secret-key", "Django secret key", Medium,
        ["SECRET_KEY"],
        r"(?:django-insecure-)?[0-9a-z!@#$%^&*(_=+)\-]{50}",
        entropy: 3.8, ignore_case: false, quoted: true;
        yes ["SECRET_", "KEY = '", "k35kdzifnwc44yf4c51tgah1!8n3c1ic7konfr94o0aj9dlcbj", "'"];
        no ["SECRET_", "KEY = 'secret'"];
    text "wordpress-secret", "Password or salt in a WordPress configuration", Medium,
        ["'DB_PASSWORD'", "'AUTH_KEY'", "'LOGGED_IN_KEY'", "'NONCE_KEY'", "'AUTH_SALT'"],
        r"'(?:DB_PASSWORD|(?:SECURE_)?AUTH_KEY|LOGGED_IN_KEY|NONCE_KEY|AUTH_SALT)'\s{0,4},\s{0,16}'([^'\s][^'\n]{5,100})'",
        entropy: 2.8, paths: &["wp-config.php"];
        yes ["define( 'DB_PASS", "WORD', '", "97t6zoZmTl8JSL", "' );"];
        no ["define( 'DB_PASS", "WORD', 'password_here' );"];
    text "password-hash", "Password hash", Medium,
        [":$1$", " $1$", "\"$1$", ":$5$", " $5$", "\"$5$", ":$6$", " $6$", "\"$6$", ":$7$", " $7$", "\"$7$", ":$y$", " $y$", "\"$y$", "$2a$", "$2b$", "$2y$", "$apr1$", "$argon2", "{SHA}", "{SSHA}"],
        r"[: ]?(?:\$(?:[1567]|apr1)\$(?:rounds=[0-9]{1,9}\$)?[0-9A-Za-z./]{1,16}\$([0-9A-Za-z./]{22,86})|\$y\$[0-9A-Za-z./]{1,16}\$[0-9A-Za-z./]{1,86}\$([0-9A-Za-z./]{43})|\$2[aby]\$[0-9]{2}\$([0-9A-Za-z./]{53})|\$argon2[id]{1,2}\$[^\s$]{1,60}\$[^\s$]{1,60}\$[^\s$]{1,60}\$([0-9A-Za-z+/]{20,100})|\{SS?HA\}([0-9A-Za-z+/=]{28,48}))",
        entropy: 3.8, any_boundary: true, ignore_case: false, paths: &["etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-", "etc/passwd", "etc/security/opasswd", ".htpasswd", "htpasswd", "users.htpasswd", "passwdfile", "anaconda-ks.cfg", "original-ks.cfg", "preseed.cfg", "ks.cfg", "user-data", "cloud.cfg"];
        yes ["root", ":$6$eMDegXYh$", "bgmEFuOv5UXqjBrSNUjVpnKbicOq0LmwC1OJH5FTmcXMLJdqmR6wNdEl08oXniLRUhF2ps4RgAeIvqUoHL4OLi", ":19000:0:99999:7:::"];
        no ["root", ":$6$e77RaqgR$:19000:0"];
    text "database-url-password", "Password in a database's address", High,
        ["postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql", "sqlServer", "clickhouse", "cockroach"],
        r#"(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroach(?:db)?)(?:\+[a-z0-9]{1,16})?://[^\s:/@"'<>]{0,64}:([^\s/@"'<>{}$]{3,128})@[0-9A-Za-z\[]"#,
        entropy: 2.5, strong: true;
        yes ["postgres:", "//app:", "Ndl80sR8EKUj08UY", "@db.acme.io/app"];
        no ["postgres:", "//app:password@localhost/app"];
    text "url-password", "Password in an address", Medium,
        ["https://", "http://", "ftp://", "ftps://", "smtp://", "smtps://", "ldap://", "socks5://"],
        r#"[a-z0-9]{3,6}://[^\s:/@"'<>{}$%?#]{0,128}:([^\s/@"'<>{}$:\\]{6,200})@[0-9A-Za-z\[][^\s@]{2}"#,
        entropy: 3.0, authority: true, strong: true;
        yes ["https:", "//ci:", "4VLpWJpGk14ucjampy", "@git.acme.io/a"];
        no ["https:", "//user:password@example.org/"];
    text "url-token", "Token in an address", Medium,
        ["https://"],
        r"https://([0-9A-Za-z_\-]{24,255})@[0-9A-Za-z][^\s@]{2}",
        reach: 400, entropy: 3.8, authority: true;
        yes ["https:", "//", "5Y8zdthJ1TOgSdpbAXKufVztxiGnOvos", "@git.acme.io/a"];
        no ["https:", "//git@git.acme.io/a"];
    text "authorization-header", "Credentials in an Authorization header", Medium,
        ["authorization"],
        r#"authorization["']?\s{0,4}[:=,]\s{0,4}\\?["']?(?:Bearer|Basic|Token)\s{1,4}([0-9A-Za-z_\-+/=.~]{16,})"#,
        reach: 1024, entropy: 3.6;
        yes ["Author", "ization: Bearer ", "DcUhwCXsk9X7idJ6JtOQqQiRHkjotUepEI5Qt7mM", "\n"];
        no ["Author", "ization: Bearer <token>\n"];
    text "curl-user-password", "Password on a curl command line", Medium,
        ["curl "],
        r#"curl(?:\s[^\n|;]{0,160}?)?\s(?:-u|--user|--proxy-user)[\s=]{0,4}["']?[^\s:"'$]{1,64}:([^\s"'$<{]{4,128})"#,
        entropy: 2.8;
        yes ["curl", " -s -u ci:", "xPBYWb9sHhOhK6", " https://acme.io/"];
        no ["curl", " -s -u ci:$PASSWORD https://acme.io/"];
    text "login-command-password", "Password on a login command line", Medium,
        ["docker login", "podman login", "buildah login", "skopeo login", "helm registry login", "npm login", "az login", "sshpass "],
        r#"(?:docker|podman|buildah|skopeo|helm\sregistry|npm|az)\slogin(?:\s[^\n|;]{0,160}?)?\s(?:-p|--password)[\s=]{1,4}["']?([^\s"'$<{\-][^\s"'$<{]{3,128})|sshpass\s{1,4}-p\s{0,4}["']?([^\s"'$<{]{4,128})"#,
        entropy: 2.8;
        yes ["docker", " login -u ci -p ", "Y4HuS7FqfYtf4F", " r.acme.io"];
        no ["docker", " login -u ci -p $PASSWORD r.acme.io"];

    // What only its name gives away. These come last: what a rule above names, they do not.
    assigned "generic-api-key", "Likely key or token", Low,
        ["api_key", "api-key", "apiKey", "secret_key", "secret-key", "secretKey", "access_key", "access-key", "auth_token", "auth-token", "authToken", "access_token", "access-token", "accessToken", "client_secret", "client-secret", "clientSecret", "private_token", "bearer_token", "encryption_key", "signing_key"],
        r"[0-9A-Za-z_\-+/=.]{20,150}",
        entropy: 3.8, generic: true;
        yes ["api_", "key = \"", "gcu8ag6I84JhLohXiIUgfVHuZTxCmGGN", "\""];
        no ["api_", "key = \"some_function_name_in_lower_case\""];
    assigned "generic-password", "Likely password", Low,
        ["password", "passwd", "passphrase", "db_pass"],
        r#"[^\s"'<>(){}\[\],;\\]{8,100}"#,
        entropy: 3.0, generic: true;
        yes ["db_", "password = \"", "k7#LSzQafXb1Xmj", "\""];
        no ["pass", "word = \"password1\""];
}
