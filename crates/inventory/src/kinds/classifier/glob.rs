//! File name patterns.

/// Whether a path ends as a pattern says: `*` and `?` within names, `**` for any number of folders.
pub(super) fn matches(glob: &str, path: &[u8]) -> bool {
    let glob: Vec<&[u8]> = glob.as_bytes().split(|byte| *byte == b'/').collect();
    let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    ends_so(&glob, &path)
}

fn ends_so(glob: &[&[u8]], path: &[&[u8]]) -> bool {
    let Some((name, before)) = glob.split_last() else {
        return true;
    };
    if *name == b"**" {
        return (0..=path.len()).any(|end| ends_so(before, path.get(..end).unwrap_or_default()));
    }
    path.split_last()
        .is_some_and(|(last, rest)| name_matches(name, last) && ends_so(before, rest))
}

/// One name, with one place to come back to.
fn name_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < name.len() {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(place) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((star_at, star_place)) = star else {
                    return false;
                };
                star = Some((star_at, star_place + 1));
                at = star_at + 1;
                place = star_place + 1;
            }
        }
    }
    glob.get(at..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check = |glob: &str, path: &str, expect: bool| {
            assert_eq!(matches(glob, path.as_bytes()), expect, "{glob} {path}");
        };
        check("nginx", "usr/sbin/nginx", true);
        check("nginx", "nginx", true);
        check("nginx", "usr/sbin/nginx2", false);
        check("nginx", "nginx/conf", false);
        check("python*", "usr/bin/python3.11", true);
        check("libpython*.so*", "lib/libpython3.11.so.1.0", true);
        check("libpython*.so*", "lib/libpython3.11.a", false);
        check("libstd-????.so", "libstd-abcd.so", true);
        check("libstd-????.so", "libstd-abcde.so", false);
        check(
            "elixir/ebin/elixir.app",
            "usr/lib/elixir/ebin/elixir.app",
            true,
        );
        check("elixir/ebin/elixir.app", "ebin/elixir.app", false);
        check("*zulu*/**/java", "usr/lib/jvm/zulu17/bin/java", true);
        check("*zulu*/**/java", "usr/lib/jvm/temurin/bin/java", false);
        check("nginx", "", false);
    }
}
