//! Addresses as they stand on the wire: MAC, VLAN tags and IP. Big-endian byte
//! arrays throughout; no parsing of packets here.

/// An Ethernet hardware address.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    pub const ZERO: Self = Self([0; 6]);
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the address names a group: multicast or broadcast (IEEE 802, I/G bit).
    #[inline(always)]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The address as a number below 2^48.
    #[inline(always)]
    pub const fn to_u64(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// The VLAN tags of a frame. A priority tag (identifier 0) counts as no tag.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vlan {
    /// Identifier of the outer or only tag, 0 to 4094; 0 is untagged.
    pub outer: u16,
    /// Identifier of the inner tag of a double-tagged frame, 0 to 4094.
    pub inner: u16,
}

impl Vlan {
    pub const UNTAGGED: Self = Self { outer: 0, inner: 0 };

    /// A frame with one tag.
    pub const fn single(identifier: u16) -> Self {
        Self {
            outer: identifier,
            inner: 0,
        }
    }
}

/// An IPv6 address, or an IPv4 address mapped into ::ffff:0:0/96 (RFC 4291, 2.5.5.2).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ip {
    /// The upper 64 bits, as a number in host order.
    pub high: u64,
    /// The lower 64 bits, as a number in host order.
    pub low: u64,
}

const MAPPED: u64 = 0xffff_0000_0000;

impl Ip {
    pub const UNSPECIFIED: Self = Self { high: 0, low: 0 };

    #[inline(always)]
    pub const fn v4(octets: [u8; 4]) -> Self {
        Self {
            high: 0,
            low: MAPPED | u32::from_be_bytes(octets) as u64,
        }
    }

    #[inline(always)]
    pub const fn v6(octets: [u8; 16]) -> Self {
        let value = u128::from_be_bytes(octets);
        Self {
            high: (value >> 64) as u64,
            low: value as u64,
        }
    }

    #[inline(always)]
    pub const fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == 0xffff
    }

    /// The IPv4 address as a number; meaningful only where [`Self::is_v4`] holds.
    #[inline(always)]
    pub const fn to_v4_bits(self) -> u32 {
        self.low as u32
    }

    /// `0.0.0.0` or `::`.
    #[inline(always)]
    pub const fn is_unspecified(self) -> bool {
        self.high == 0 && (self.low == 0 || self.low == MAPPED)
    }

    /// fe80::/10 (RFC 4291, 2.5.6); IPv4 link-local addresses do not count.
    #[inline(always)]
    pub const fn is_v6_link_local(self) -> bool {
        self.high >> 54 == 0xfe80 >> 6
    }

    /// A multicast address of either family, or the IPv4 limited broadcast.
    #[inline(always)]
    pub const fn is_group(self) -> bool {
        if self.is_v4() {
            let bits = self.to_v4_bits();
            bits >> 28 == 0xe || bits == u32::MAX
        } else {
            self.high >> 56 == 0xff
        }
    }

    /// 127.0.0.0/8 or ::1: never seen on a wire (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
    #[inline(always)]
    pub const fn is_loopback(self) -> bool {
        if self.is_v4() {
            self.to_v4_bits() >> 24 == 127
        } else {
            self.high == 0 && self.low == 1
        }
    }
}

#[cfg(feature = "user")]
mod text {
    //! Text forms, for people and for JSON.

    use core::fmt;
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use core::str::FromStr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::{Ip, Mac, Vlan};

    impl fmt::Display for Mac {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let [a, b, c, d, e, g] = self.0;
            write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
        }
    }

    impl FromStr for Mac {
        type Err = &'static str;

        /// Accepts `00:1d:9c:12:34:56` and the same with dashes, in either case.
        fn from_str(text: &str) -> Result<Self, Self::Err> {
            const FORM: &str =
                "a MAC address is six pairs of hexadecimal digits, as in 00:1d:9c:12:34:56";
            let separator = if text.contains('-') { '-' } else { ':' };
            let mut octets = [0; 6];
            let mut pairs = text.split(separator);
            for octet in &mut octets {
                let pair = pairs.next().ok_or(FORM)?;
                if pair.len() != 2 || !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(FORM);
                }
                *octet = u8::from_str_radix(pair, 16).map_err(|_| FORM)?;
            }
            if pairs.next().is_some() {
                Err(FORM)
            } else {
                Ok(Self(octets))
            }
        }
    }

    impl fmt::Display for Vlan {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match (self.outer, self.inner) {
                (0, 0) => f.write_str("untagged"),
                (outer, 0) => write!(f, "{outer}"),
                (outer, inner) => write!(f, "{outer}.{inner}"),
            }
        }
    }

    impl FromStr for Vlan {
        type Err = &'static str;

        /// Accepts `untagged`, `10`, and `100.10` for outer and inner tag.
        fn from_str(text: &str) -> Result<Self, Self::Err> {
            const FORM: &str =
                "a VLAN is `untagged`, an identifier from 1 to 4094, or outer.inner as in 100.10";
            if text == "untagged" {
                return Ok(Self::UNTAGGED);
            }
            let identifier = |digits: &str| match digits.parse::<u16>() {
                // `parse` takes a sign and leading zeros too.
                Ok(number @ 1..=4094) if digits.starts_with(|c: char| matches!(c, '1'..='9')) => {
                    Ok(number)
                }
                _ => Err(FORM),
            };
            match text.split_once('.') {
                None => Ok(Self::single(identifier(text)?)),
                Some((outer, inner)) => Ok(Self {
                    outer: identifier(outer)?,
                    inner: identifier(inner)?,
                }),
            }
        }
    }

    impl From<IpAddr> for Ip {
        fn from(address: IpAddr) -> Self {
            match address {
                IpAddr::V4(v4) => Self::v4(v4.octets()),
                IpAddr::V6(v6) => Self::v6(v6.octets()),
            }
        }
    }

    impl From<Ip> for IpAddr {
        fn from(ip: Ip) -> Self {
            if ip.is_v4() {
                return Self::V4(Ipv4Addr::from_bits(ip.to_v4_bits()));
            }
            Self::V6(Ipv6Addr::from_bits(
                u128::from(ip.high) << 64 | u128::from(ip.low),
            ))
        }
    }

    impl fmt::Display for Ip {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            IpAddr::from(*self).fmt(f)
        }
    }

    /// Serialises a type by its text form.
    macro_rules! as_text {
        ($($type:ty),*) => {$(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::string::String::deserialize(deserializer)?;
                    text.parse().map_err(de::Error::custom)
                }
            }
        )*};
    }
    as_text!(Mac, Vlan);
}
