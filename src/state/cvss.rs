//! The base metrics of a CVSS vector in words.

use super::language::{t, text};

/// What a CVSS 3.x or 4.0 vector says of how an attack works; unknown metrics are left out.
pub fn words(vector: &str) -> Vec<&'static str> {
    vector.split('/').filter_map(word).map(t).collect()
}

fn word(metric: &str) -> Option<&'static str> {
    Some(match metric {
        "AV:N" => text("over the network"),
        "AV:A" => text("from the same network segment"),
        "AV:L" => text("by someone who can run code or open files on it"),
        "AV:P" => text("by someone who can touch the machine"),
        "AC:H" => text("only under circumstances the attacker does not control"),
        "AC:L" => text("at any time"),
        "PR:N" => text("without an account"),
        "PR:L" => text("with an ordinary account"),
        "PR:H" => text("with an administrator's account"),
        "UI:N" => text("without anybody's help"),
        "UI:R" | "UI:A" | "UI:P" => text("if a user plays along"),
        "S:C" => text("reaches beyond the vulnerable part"),
        "C:H" | "VC:H" => text("all data can be read"),
        "C:L" | "VC:L" => text("some data can be read"),
        "I:H" | "VI:H" => text("all data can be changed"),
        "I:L" | "VI:L" => text("some data can be changed"),
        "A:H" | "VA:H" => text("it can be stopped"),
        "A:L" | "VA:L" => text("it can be slowed down"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_told_in_words() {
        assert_eq!(
            words("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
            [
                "over the network",
                "at any time",
                "without an account",
                "without anybody's help",
                "it can be stopped"
            ]
        );
        assert!(words("").is_empty());
        assert!(words("garbage/AV:X").is_empty());
    }
}
