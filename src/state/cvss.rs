//! The base metrics of a CVSS vector in words.

/// What a CVSS 3.x or 4.0 vector says of how an attack works; unknown metrics are left out.
pub fn words(vector: &str) -> Vec<&'static str> {
    vector.split('/').filter_map(word).collect()
}

fn word(metric: &str) -> Option<&'static str> {
    Some(match metric {
        "AV:N" => "over the network",
        "AV:A" => "from the same network segment",
        "AV:L" => "by someone who can run code or open files on it",
        "AV:P" => "by someone who can touch the machine",
        "AC:H" => "only under circumstances the attacker does not control",
        "AC:L" => "at any time",
        "PR:N" => "without an account",
        "PR:L" => "with an ordinary account",
        "PR:H" => "with an administrator's account",
        "UI:N" => "without anybody's help",
        "UI:R" | "UI:A" | "UI:P" => "if a user plays along",
        "S:C" => "reaches beyond the vulnerable part",
        "C:H" | "VC:H" => "all data can be read",
        "C:L" | "VC:L" => "some data can be read",
        "I:H" | "VI:H" => "all data can be changed",
        "I:L" | "VI:L" => "some data can be changed",
        "A:H" | "VA:H" => "it can be stopped",
        "A:L" | "VA:L" => "it can be slowed down",
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
