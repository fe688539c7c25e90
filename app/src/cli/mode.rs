//! Permissions as people write them: `644`, `u+x,go-w`, `a=rX` (`chmod(1)`).

/// A change of permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode(Vec<Clause>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Clause {
    Set(u32),
    Change {
        /// Bits of the classes meant, each 0o7.
        who: u32,
        how: char,
        what: Vec<char>,
    },
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("“{text}” is no mode");
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let bits = u32::from_str_radix(text, 8).map_err(|_| wrong())?;
            let all = Self(vec![Clause::Set(bits)]);
            return if bits <= 0o7777 {
                Ok(all)
            } else {
                Err(wrong())
            };
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            let at = part.find(['+', '-', '=']).ok_or_else(wrong)?;
            let (classes, rest) = part.split_at(at);
            let mut who = 0;
            for class in classes.chars() {
                who |= match class {
                    'u' => 0o700,
                    'g' => 0o070,
                    'o' => 0o007,
                    'a' => 0o777,
                    _ => return Err(wrong()),
                };
            }
            let mut signs = rest.chars();
            let how = signs.next().ok_or_else(wrong)?;
            let what: Vec<char> = signs.collect();
            if !what.iter().all(|c| "rwxXst".contains(*c)) {
                return Err(wrong());
            }
            let who = if classes.is_empty() { 0o777 } else { who };
            clauses.push(Clause::Change { who, how, what });
        }
        Ok(Self(clauses))
    }
}

impl Mode {
    /// The new bits of something with the bits `old`.
    pub fn apply(&self, old: u32, folder: bool) -> u32 {
        self.0.iter().fold(old, |bits, clause| match clause {
            Clause::Set(bits) => *bits,
            Clause::Change { who, how, what } => {
                let mut meant = 0;
                for c in what {
                    meant |= match c {
                        'r' => 0o444 & who,
                        'w' => 0o222 & who,
                        'x' => 0o111 & who,
                        'X' if folder || bits & 0o111 != 0 => 0o111 & who,
                        's' => (who & 0o100) << 5 | (who & 0o010) << 7,
                        't' => 0o1000,
                        _ => 0,
                    };
                }
                match how {
                    '+' => bits | meant,
                    '-' => bits & !meant,
                    _ => (bits & !who) | meant,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_do_what_chmod_does() {
        let after = |text: &str, old| text.parse::<Mode>().unwrap().apply(old, false);
        assert_eq!(after("750", 0o644), 0o750);
        assert_eq!(after("u+x", 0o644), 0o744);
        assert_eq!(after("go-w,a+x", 0o666), 0o755);
        assert_eq!(after("u=rw,go=", 0o777), 0o600);
        assert_eq!(after("a+X", 0o644), 0o644);
        assert_eq!(after("a+X", 0o744), 0o755);
        assert_eq!(after("u+s,g+s,+t", 0o755), 0o7755);
        for wrong in ["", "9", "u", "u+q", "z+r", "17777"] {
            assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
        }
    }
}
