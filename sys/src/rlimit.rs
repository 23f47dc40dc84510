//! The limit of open descriptors.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Raises the limit to `wanted` if it is lower, or as near to it as the system lets us; answers what
/// it is afterwards. Never lowers it.
pub fn raise_descriptors(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    let wanted = rlim_t::try_from(wanted).unwrap_or(rlim_t::MAX);
    nearest(soft, wanted, |limit| {
        setrlimit(Resource::RLIMIT_NOFILE, limit, hard.max(limit)).is_ok()
    })
}

/// The highest limit up to `wanted` that `accepts` takes, which is set when this returns. The real
/// ceiling may be told nowhere (macOS has one below its own hard limit), so it is searched for.
fn nearest(soft: rlim_t, wanted: rlim_t, mut accepts: impl FnMut(rlim_t) -> bool) -> rlim_t {
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
            let soft = rlim_t::from(source.arbitrary::<u16>()?);
            let ceiling = soft + rlim_t::from(source.arbitrary::<u16>()?);
            let wanted = rlim_t::from(source.arbitrary::<u32>()?);
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
