//! Which addresses the relay may connect to.
//!
//! The relay runs inside someone's network and asks what a page tells it to. Whatever is not plainly
//! a public address on the internet is refused: private networks, this machine, link-local (cloud
//! metadata services live there), and every notation of IPv6 that hides an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused; `None` if it is public.
///
/// The blocks are those of the IANA special-purpose address registries (RFC 6890 and its updates)
/// that are not globally reachable.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    const BLOCKS: [(u32, u32, &str); 15] = [
        (0x0000_0000, 8, "an unspecified address"),
        (0x0a00_0000, 8, "a private address"),
        (0x6440_0000, 10, "a carrier's private address"),
        (0x7f00_0000, 8, "this machine's own address"),
        (0xa9fe_0000, 16, "a link-local address"),
        (0xac10_0000, 12, "a private address"),
        (0xc000_0000, 24, "a reserved address"),
        (0xc000_0200, 24, "a reserved address"),
        (0xc058_6300, 24, "a reserved address"),
        (0xc0a8_0000, 16, "a private address"),
        (0xc612_0000, 15, "a reserved address"),
        (0xc633_6400, 24, "a reserved address"),
        (0xcb00_7100, 24, "a reserved address"),
        (0xe000_0000, 4, "a multicast address"),
        (0xf000_0000, 4, "a reserved address"),
    ];
    let bits = u32::from(address);
    BLOCKS
        .iter()
        .find(|(block, length, _)| bits >> (32 - length) == block >> (32 - length))
        .map(|(_, _, reason)| *reason)
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("an unspecified address");
    }
    if address.is_loopback() {
        return Some("this machine's own address");
    }
    // Blocks within the global unicast range (and NAT64 before it) that hold other addresses or
    // none at all, as the first 64 bits.
    const BLOCKS: [(u64, u32, &str); 12] = [
        (0x0064_ff9b_0000_0000, 48, "a translated IPv4 address"),
        (0x0064_ff9b_0001_0000, 48, "a translated IPv4 address"),
        (0xfc00_0000_0000_0000, 7, "a private address"),
        (0xfe80_0000_0000_0000, 10, "a link-local address"),
        (0xfec0_0000_0000_0000, 10, "a private address"),
        (0xff00_0000_0000_0000, 8, "a multicast address"),
        // Teredo, ORCHID, benchmarking and the rest of the IETF's protocol block.
        (0x2001_0000_0000_0000, 23, "a reserved address"),
        (0x2001_0db8_0000_0000, 32, "a reserved address"),
        (0x2002_0000_0000_0000, 16, "a translated IPv4 address"),
        (0x3fff_0000_0000_0000, 20, "a reserved address"),
        (0x5f00_0000_0000_0000, 16, "a reserved address"),
        (0x0100_0000_0000_0000, 64, "a reserved address"),
    ];
    let [a, b, c, d, e, f, ..] = address.segments();
    let high = (u64::from(a) << 48) | (u64::from(b) << 32) | (u64::from(c) << 16) | u64::from(d);
    if let Some((_, _, reason)) = BLOCKS
        .iter()
        .find(|(block, length, _)| high >> (64 - length) == block >> (64 - length))
    {
        return Some(reason);
    }
    // ::/64 holds IPv4-compatible, -mapped and -translated addresses.
    if high == 0 {
        return Some(if e == 0 && f == 0xffff {
            "an IPv4 address in disguise"
        } else {
            "a reserved address"
        });
    }
    // ISATAP hides an IPv4 address in the lower half of any prefix.
    if (e == 0 || e == 0x0200) && f == 0x5efe {
        return Some("an IPv4 address in disguise");
    }
    // Only 2000::/3 is given out.
    (a >> 13 != 1).then_some("a reserved address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "169.253.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::6810:84e5",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "2400:cb00::1",
        ] {
            assert_eq!(refusal(address.parse().unwrap()), None, "{address}");
        }
        for (address, reason) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.127.255.255", "carrier"),
            ("127.0.0.1", "own"),
            ("127.255.255.254", "own"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.8", "reserved"),
            ("192.0.2.1", "reserved"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "reserved"),
            ("198.51.100.7", "reserved"),
            ("203.0.113.7", "reserved"),
            ("224.0.0.1", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "own"),
            ("::2", "reserved"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "disguise"),
            ("::ffff:8.8.8.8", "disguise"),
            ("::ffff:0:8.8.8.8", "reserved"),
            ("64:ff9b::7f00:1", "translated"),
            ("64:ff9b::808:808", "translated"),
            ("64:ff9b:1::a00:1", "translated"),
            ("100::1", "reserved"),
            ("2001::1", "reserved"),
            ("2001:db8::1", "reserved"),
            ("2002:7f00:1::", "translated"),
            ("2606:4700::5efe:7f00:1", "disguise"),
            ("3fff::1", "reserved"),
            ("4000::1", "reserved"),
            ("5f00::1", "reserved"),
            ("fc00::1", "private"),
            ("fd12:3456::1", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "private"),
            ("ff02::1", "multicast"),
        ] {
            let found = refusal(address.parse().unwrap()).unwrap_or("allowed");
            assert!(found.contains(reason), "{address}: {found}");
        }
    }
}
