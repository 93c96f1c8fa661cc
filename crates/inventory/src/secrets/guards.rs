//! Tells secrets from what only looks like one.

/// Words that stand where a secret would, in lower case.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "xxxx",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "yourpass",
    "yourkey",
    "yoursecret",
    "yourtoken",
    "dummy",
    "placeholder",
    "redacted",
    "insert",
    "replace",
    "sample",
    "foobar",
    "****",
    "....",
    "0000000",
    "1234567890",
    "abcdefgh",
    "notreal",
    "not_real",
    "secret_key",
    "password",
    "passw0rd",
    "my_secret",
    "mysecret",
    "mytoken",
    "fake",
    "<your",
    "todo",
    "omitted",
    "hidden",
    "test_key",
    "testkey",
    "deadbeef",
    // `Authorization: Basic` in RFC 6749 and RFC 7617.
    "czzcagrsa3f0mz",
    "qwxhzgrpbjpvcgvuihnlc2ftz",
    "undefined",
];

/// Passwords that everybody knows: they open nothing that was meant to be closed, or are the text of a
/// manual.
const WELL_KNOWN: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "admin",
    "root",
    "guest",
    "user",
    "username",
    "test",
    "testing",
    "postgres",
    "mysql",
    "mongo",
    "redis",
    "rabbitmq",
    "foo",
    "bar",
    "baz",
    "qux",
    "foobar",
    "changeme",
    "hunter2",
    "letmein",
    "none",
    "null",
    "true",
    "false",
    "default",
    "token",
    "key",
    "value",
    "string",
    "apikey",
    "xxx",
    "abc",
    "123",
    "1234",
    "12345",
    "123456",
    "abc123",
    "demo",
    "dev",
    "local",
    "p4ssw0rd",
    "pa55word",
    "pw",
    "s3cret",
    "s3cr3t",
    "p@ssw0rd",
    "p@ssword",
    "p@ss",
    "mypassword",
    "mypass",
    "somepassword",
    "topsecret",
    "top-secret",
    "supersecret",
    "quick",
    "tiger",
    "scott",
    "hello",
    "repopwd",
    "proxypass",
    "world",
];

/// Marks of a value that is put in later.
const REFERENCES: &[&str] = &["${", "$(", "{{", "}}", "%(", "<%", "%>", "#{", "@@", "__"];

/// Bits of Shannon entropy per byte.
pub(crate) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let length = bytes.len() as f32;
    let part = |count: &u16| {
        let share = f32::from(*count) / length;
        share * share.log2()
    };
    let sum: f32 = counts.iter().filter(|count| **count > 0).map(part).sum();
    -sum
}

/// Whether it stands for a secret rather than being one.
pub(crate) fn is_placeholder(secret: &[u8]) -> bool {
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    is_well_known(&text)
        || PLACEHOLDERS.iter().any(|word| text.contains(word))
        || is_reference(&text)
        || text.starts_with('<')
        || is_monotonous(text.as_bytes())
}

/// Whether it names a variable, or a template's field.
pub(crate) fn is_reference(text: &str) -> bool {
    let is_variable = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    REFERENCES.iter().any(|mark| text.contains(mark))
        || text.strip_prefix('$').is_some_and(is_variable)
        || text
            .strip_prefix('%')
            .and_then(|text| text.strip_suffix('%'))
            .is_some_and(is_variable)
}

/// Whether everybody knows it. In lower case.
pub(crate) fn is_well_known(text: &str) -> bool {
    WELL_KNOWN.contains(&text)
}

/// Few bytes over and over, one byte in a row, or mostly a sequence.
fn is_monotonous(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in text {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let (mut same, mut rising, mut falling) = (1_usize, 1_usize, 1_usize);
    let (mut longest_same, mut longest_run) = (1, 1);
    for pair in text.windows(2) {
        let [first, second] = pair else { continue };
        same = if first == second { same + 1 } else { 1 };
        rising = if first.wrapping_add(1) == *second {
            rising + 1
        } else {
            1
        };
        falling = if second.wrapping_add(1) == *first {
            falling + 1
        } else {
            1
        };
        longest_same = longest_same.max(same);
        longest_run = longest_run.max(rising).max(falling);
    }
    text.len() >= 12 && distinct < 5
        || longest_same >= 6 && longest_same * 4 >= text.len()
        || longest_run >= 5 && longest_run * 2 >= text.len()
}

/// Whether a value of which only the name says that it is a secret looks like one: digits and letters
/// that make no words.
pub(crate) fn is_random(secret: &[u8]) -> bool {
    let is = |test: fn(&u8) -> bool| secret.iter().filter(|byte| test(byte)).count();
    let digits = is(u8::is_ascii_digit);
    let letters = is(u8::is_ascii_alphabetic);
    let first_is_odd = secret
        .first()
        .is_some_and(|byte| b"/.$%&@-+=*:#~".contains(byte));
    // Words are joined by these.
    let words = secret.split(|byte| b"_-./:".contains(byte));
    let longest_word = words
        .filter(|word| word.iter().all(u8::is_ascii_alphabetic))
        .map(<[u8]>::len)
        .max();
    let is_hex = secret.iter().all(u8::is_ascii_hexdigit);
    // Digests of these lengths are everywhere.
    let is_digest = is_hex && matches!(secret.len(), 40 | 56 | 64 | 96 | 128);
    digits >= 2
        && letters >= 3
        && !first_is_odd
        && longest_word.unwrap_or_default() < 7
        && !is_digest
}

/// Words in the names of variables that hold secrets, in lower case and without separators.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "deploykey",
    "accountkey",
    "servicekey",
    "storagekey",
    "sharedkey",
    "credential",
    "sessionkey",
    "licensekey",
    "licencekey",
    "webhookurl",
    "connectionstring",
    "htpasswd",
];

/// Ends of the names of such variables, between separators.
const SECRET_ENDINGS: &[&str] = &["pass", "pwd", "pw", "pat", "auth", "creds", "key", "psk"];

/// Ends that say that the value is about a secret, but none.
const HARMLESS_ENDINGS: &[&str] = &[
    "file",
    "path",
    "dir",
    "name",
    "url",
    "uri",
    "id",
    "ids",
    "endpoint",
    "length",
    "len",
    "size",
    "ttl",
    "expiry",
    "expires",
    "timeout",
    "enabled",
    "disabled",
    "required",
    "policy",
    "type",
    "method",
    "prefix",
    "version",
    "sha256",
    "sha512",
    "sha1",
    "md5",
    "fingerprint",
    "digest",
    "checksum",
    "hash",
    "algorithm",
    "header",
    "field",
    "host",
    "port",
    "server",
    "servers",
    "user",
    "username",
    "location",
    "store",
    "provider",
    "plugin",
    "class",
    "command",
    "cmd",
    "script",
    "helper",
    "mode",
    "count",
    "limit",
    "max",
    "min",
    "rotation",
    "salt",
    "issuer",
    "audience",
    "scope",
    "expiration",
    "lifetime",
];

/// Names of keys that are public.
const PUBLIC_NAMES: &[&str] = &[
    "pwd",
    "oldpwd",
    "gpgkey",
    "gpgkeys",
    "pgpkey",
    "pgpkeyid",
    "gpgkeyid",
    "publickey",
    "pubkey",
    "sshauthsock",
    "keyserver",
    "signkey",
    "tokenizersparallelism",
    "key",
    "auth",
    "hotkey",
    "primarykey",
    "sortkey",
    "partitionkey",
    "cachekey",
    "hostkey",
    "foreignkey",
    "nginxgpgkey",
    "keys",
    "pass",
];

/// Whether a variable, option or field of that name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() || name.len() > 128 {
        return false;
    }
    let parts = parts_of(name);
    let joined = parts.concat();
    let Some(last) = parts.last() else {
        return false;
    };
    if HARMLESS_ENDINGS.contains(&last.as_str()) || PUBLIC_NAMES.contains(&joined.as_str()) {
        return false;
    }
    if joined.ends_with("gpgkey")
        || joined.ends_with("gpgkeys")
        || joined.ends_with("publickey")
        || joined.ends_with("pubkey")
        || joined.ends_with("tokens")
    {
        return false;
    }
    SECRET_NAMES.iter().any(|word| joined.contains(word))
        || parts.len() > 1 && SECRET_ENDINGS.contains(&last.as_str())
}

/// The words of a name, in lower case: split at separators and where camel case turns.
fn parts_of(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut previous_is_lower = false;
    for c in name.chars() {
        let is_separator = !c.is_ascii_alphanumeric();
        if (is_separator || c.is_ascii_uppercase() && previous_is_lower)
            && parts.last().is_some_and(|part| !part.is_empty())
        {
            parts.push(String::new());
        }
        previous_is_lower = c.is_ascii_lowercase();
        if let Some(part) = parts.last_mut()
            && !is_separator
        {
            part.push(c.to_ascii_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_shannon() {
        let check = |text: &str, expect: f32| {
            let found = entropy(text.as_bytes());
            assert!((found - expect).abs() < 0.001, "{text}: {found}");
        };
        check("aaaa", 0.0);
        check("abab", 1.0);
        check("abcd", 2.0);
        check("0123456789abcdef", 4.0);
        assert!(entropy(b"").abs() < 0.001);
    }

    #[test]
    fn placeholders_are_no_secrets() {
        let check = |text: &str, expect: bool| {
            assert_eq!(is_placeholder(text.as_bytes()), expect, "{text}")
        };
        check("AKIAIOSFODNN7EXAMPLE", true);
        check("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true);
        check("xxxxxxxxxxxxxxxx", true);
        check("<your token>", true);
        check("${TOKEN}", true);
        check("$TOKEN", true);
        check("%TOKEN%", true);
        check("{{ token }}", true);
        check("changeme", true);
        check("hunter2", true);
        check("0123456789", true);
        check("abcdefghijklmnop1234", true);
        check("9876543210", true);
        check("000000000000000000000000", true);
        check("abababababababab", true);
        // The sample of our own demonstration is less than half a sequence.
        check("LaminaDemo/NotARealKey/0123456789abcdefg", false);
        check("k7#Jq02mZpVt", false);
        check("AKIALAMINADEMO234567", false);
        check("pa$$w0rd17Q", false);
    }

    #[test]
    fn names_tell_of_secrets() {
        let check = |name: &str, expect: bool| assert_eq!(is_secret_name(name), expect, "{name}");
        for name in [
            "DB_PASSWORD",
            "PASSWORD",
            "dbPassword",
            "GITHUB_TOKEN",
            "API_KEY",
            "apiKey",
            "AWS_SECRET_ACCESS_KEY",
            "SMTP_PASS",
            "MYSQL_PWD",
            "--password",
            "CLIENT_SECRET",
            "SSH_PRIVATE_KEY",
            "AZURE_CREDENTIALS",
            "REGISTRY_AUTH",
            "SIGNING_KEY",
        ] {
            check(name, true);
        }
        for name in [
            "PWD",
            "OLDPWD",
            "PATH",
            "GPG_KEY",
            "GPG_KEYS",
            "NGINX_GPGKEY",
            "NGINX_GPGKEY_PATH",
            "PASSWORD_FILE",
            "TOKEN_URL",
            "KEY",
            "SECRET_NAME",
            "PYTHON_SHA256",
            "TOKENIZERS_PARALLELISM",
            "MAX_TOKENS",
            "KEYS",
            "",
            "=",
            "PUBLIC_KEY",
            "NODE_VERSION",
            "PASSWORD_MIN_LENGTH",
            "compass",
        ] {
            check(name, false);
        }
    }

    #[test]
    fn random_is_not_made_of_words() {
        let check =
            |text: &str, expect: bool| assert_eq!(is_random(text.as_bytes()), expect, "{text}");
        check("k7Jq02mZpVt", true);
        check("correct-horse-battery-12", false);
        check("some_function_name_12", false);
        check("/usr/lib/a1b2", false);
        check("da39a3ee5e6b4b0d3255bfef95601890afd80709", false);
    }
}
