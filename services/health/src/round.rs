//! Asking everybody, then feeding.

/// Somebody who must answer: a name, and the call.
pub struct Question<'a> {
    /// Who.
    pub name: &'static str,
    /// Asks; says whether an answer came. Does not come back if none ever does.
    pub ask: &'a mut dyn FnMut() -> bool,
}

/// What a round brought that the one before did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// This one did not answer, and nobody was fed.
    Silent(&'static str),
    /// All answer, for the first time or again.
    AllAnswer,
}

/// The rounds so far.
#[derive(Debug, Default)]
pub struct Rounds {
    last: Option<News>,
}

impl Rounds {
    /// Asks everybody in turn and feeds if all have answered; the first who does not ends the round. Tells what is new.
    ///
    /// # Errors
    /// Those of `feed`.
    pub fn next<E>(
        &mut self,
        questions: &mut [Question<'_>],
        feed: impl FnOnce() -> Result<(), E>,
    ) -> Result<Option<News>, E> {
        let silent = questions.iter_mut().find_map(|question| (!(question.ask)()).then_some(question.name));
        let now = silent.map_or(News::AllAnswer, News::Silent);
        let fed = if silent.is_none() { feed() } else { Ok(()) };
        let new = self.last.replace(now) != Some(now);
        fed.map(|()| new.then_some(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::cell::Cell;

    /// What one round brings if these answer, whether it fed, and who was asked.
    fn round(rounds: &mut Rounds, answers: [bool; 3]) -> (Option<News>, bool, Vec<usize>) {
        let asked = Cell::new([false; 3]);
        let mut asks: Vec<_> = (0..3)
            .map(|index| {
                let asked = &asked;
                move || {
                    let mut all = asked.get();
                    all[index] = true;
                    asked.set(all);
                    answers[index]
                }
            })
            .collect();
        let names = ["supervisor", "device", "log"];
        let mut questions: Vec<_> = asks
            .iter_mut()
            .zip(names)
            .map(|(ask, name)| Question { name, ask: ask as &mut dyn FnMut() -> bool })
            .collect();
        let mut fed = false;
        let news = rounds.next::<()>(&mut questions, || {
            fed = true;
            Ok(())
        });
        (news.unwrap(), fed, (0..3).filter(|index| asked.get()[*index]).collect())
    }

    #[test]
    fn nobody_is_fed_unless_all_answer() {
        let mut rounds = Rounds::default();
        let all = alloc::vec![0, 1, 2];
        assert_eq!(round(&mut rounds, [true; 3]), (Some(News::AllAnswer), true, all.clone()));
        assert_eq!(round(&mut rounds, [true; 3]), (None, true, all.clone()));
        assert_eq!(round(&mut rounds, [true, false, true]), (Some(News::Silent("device")), false, alloc::vec![0, 1]));
        assert_eq!(round(&mut rounds, [true, false, false]), (None, false, alloc::vec![0, 1]));
        assert_eq!(round(&mut rounds, [true, true, false]), (Some(News::Silent("log")), false, all.clone()));
        assert_eq!(round(&mut rounds, [false; 3]), (Some(News::Silent("supervisor")), false, alloc::vec![0]));
        assert_eq!(round(&mut rounds, [true; 3]), (Some(News::AllAnswer), true, all));
    }

    #[test]
    fn a_watchdog_that_refuses_is_told() {
        assert_eq!(Rounds::default().next(&mut [], || Err("full")), Err("full"));
    }
}
