//! From a script that fails to the shortest one that is found to fail too.

use super::script::Step;

/// Takes away what the failure does not need: first long stretches of steps, then shorter ones,
/// then the pipelining, then single words. `fails` plays a script.
pub fn shrunk(script: &[Step], mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut shortest = script.to_vec();
    loop {
        let before = shortest.clone();
        without_stretches(&mut shortest, &mut fails);
        without_joins(&mut shortest, &mut fails);
        without_words(&mut shortest, &mut fails);
        if shortest == before {
            return shortest;
        }
    }
}

/// Takes `smaller` in place of `script` if that fails too.
fn take_if(
    script: &mut Vec<Step>,
    smaller: Vec<Step>,
    fails: &mut impl FnMut(&[Step]) -> bool,
) -> bool {
    let is_taken = fails(&smaller);
    if is_taken {
        *script = smaller;
    }
    is_taken
}

fn without_stretches(script: &mut Vec<Step>, fails: &mut impl FnMut(&[Step]) -> bool) {
    let mut length = script.len() / 2;
    while length > 0 {
        // From the end: what is last often needs what came before, hardly ever the other way round.
        let mut end = script.len();
        while end > 0 {
            let start = end.saturating_sub(length);
            let smaller = [&script[..start], &script[end..]].concat();
            take_if(script, smaller, fails);
            end = start;
        }
        length /= 2;
    }
}

fn without_joins(script: &mut Vec<Step>, fails: &mut impl FnMut(&[Step]) -> bool) {
    let alone = |step: &Step| Step { is_joined: false, ..step.clone() };
    let all = script.iter().map(alone).collect::<Vec<_>>();
    if all == *script || take_if(script, all, fails) {
        return;
    }
    for index in 0..script.len() {
        if script[index].is_joined {
            let mut smaller = script.clone();
            smaller[index] = alone(&smaller[index]);
            take_if(script, smaller, fails);
        }
    }
}

fn without_words(script: &mut Vec<Step>, fails: &mut impl FnMut(&[Step]) -> bool) {
    for index in 0..script.len() {
        for word in (1..script[index].words.len()).rev() {
            let mut smaller = script.clone();
            smaller[index].words.remove(word);
            take_if(script, smaller, fails);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Word, from_lines};
    use super::*;

    #[test]
    fn what_is_needed_stays() {
        let mut script = from_lines(&["A> PING", "B> SET k v EX", "A> GET k", "B> DEL k", "A> X"]);
        script[4].is_joined = true;
        let needs = |script: &[Step]| {
            let has = |name: &str, word: &str| {
                let is_it = |step: &Step| {
                    step.words[0] == Word::from(name) && step.words.contains(&Word::from(word))
                };
                script.iter().position(is_it)
            };
            has("SET", "v").is_some_and(|set| has("DEL", "k").is_some_and(|del| del > set))
        };
        assert_eq!(shrunk(&script, needs), from_lines(&["B> SET v", "B> DEL k"]));
    }
}
