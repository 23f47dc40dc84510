//! The limit of open descriptors.

use crate::calls::{Syscall, count};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Raises the limit to `wanted` if it is lower, or as near to it as the system lets us; answers
/// what it is afterwards. Never lowers it.
pub fn raise_descriptors(wanted: u64) -> u64 {
    count(Syscall::Prlimit64);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    // FreeBSD's limits are signed, and none above that half is one to ask for.
    let wanted = wanted.min(i64::MAX as u64);
    nearest(unsigned(soft), wanted, |limit| {
        let limit = limit as rlim_t;
        count(Syscall::Prlimit64);
        setrlimit(Resource::RLIMIT_NOFILE, limit, hard.max(limit)).is_ok()
    })
}

/// Limits are signed on FreeBSD and unsigned elsewhere: a plain cast would be idle on one of them.
fn unsigned(limit: impl TryInto<u64>) -> u64 {
    limit.try_into().unwrap_or(0)
}

/// The highest limit up to `wanted` that `accepts` takes, which is set when this returns. The real
/// ceiling may be told nowhere (macOS has one below its own hard limit), so it is searched for.
fn nearest(soft: u64, wanted: u64, mut accepts: impl FnMut(u64) -> bool) -> u64 {
    if soft >= wanted {
        return soft;
    }
    if accepts(wanted) {
        return wanted;
    }
    let (mut taken, mut refused) = (soft, wanted);
    while refused - taken > 1 {
        let middle = taken + (refused - taken) / 2;
        if accepts(middle) {
            taken = middle;
        } else {
            refused = middle;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_ceiling_and_leaves_it_set() {
        arbtest::arbtest(|source| {
            let soft = u64::from(source.arbitrary::<u16>()?);
            let ceiling = soft + u64::from(source.arbitrary::<u16>()?);
            let wanted = u64::from(source.arbitrary::<u32>()?);
            let mut set = soft;
            let answer = nearest(soft, wanted, |limit| {
                let fits = limit <= ceiling;
                set = if fits { limit } else { set };
                fits
            });
            assert_eq!(answer, set);
            assert_eq!(answer, soft.max(wanted.min(ceiling)));
            Ok(())
        });
    }

    #[test]
    fn f34_is_never_lowered() {
        let before = raise_descriptors(0);
        assert!(before > 0);
        assert!(raise_descriptors(before) >= before);
    }
}
