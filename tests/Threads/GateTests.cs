using Engine.Graph;

namespace Engine.Tests.Threads;

/// <summary>Readers and changes exclude each other, and nobody waits forever.</summary>
public class GateTests
{
    [Test]
    public void What_changes_together_is_read_together()
    {
        var gate = new Gate(1);
        int first = 0, second = 0, torn = 0;

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < 2000; i++)
            {
                if (number < 2)
                {
                    using Gate.Changing changing = gate.Change();
                    first++;
                    Thread.SpinWait(10);
                    second++;
                }
                else
                {
                    using Gate.Reading reading = gate.Read();
                    torn += first == second ? 0 : 1;
                }
            }
        });

        Assert.That((first, second, torn), Is.EqualTo((4000, 4000, 0)));
    }

    [Test]
    public void Readers_are_inside_at_once()
    {
        var gate = new Gate(1);
        using var together = new Barrier(4);

        Crowd.Do(4, _ =>
        {
            using Gate.Reading reading = gate.Read();
            together.SignalAndWait();
        });
    }

    [Test]
    public void A_reader_comes_between_two_changes_of_a_thread_that_makes_one_after_the_other()
    {
        var gate = new Gate(1);
        bool hasRead = false;
        int changes = 0;

        Crowd.Do(
            () =>
            {
                // If readers got no turn, this loop might never end.
                for (bool goOn = true; goOn; changes++)
                {
                    using Gate.Changing changing = gate.Change();
                    goOn = !hasRead;
                }
            },
            () =>
            {
                using (gate.Read())
                {
                }

                using Gate.Changing changing = gate.Change();
                hasRead = true;
            });

        Assert.That(changes, Is.Positive);
    }

    [Test]
    public void A_change_comes_between_readers_that_are_never_all_outside()
    {
        var gate = new Gate(1);
        bool isChanged = false;

        Crowd.Do(4, number =>
        {
            if (number == 0)
            {
                using Gate.Changing changing = gate.Change();
                isChanged = true;
                return;
            }

            for (bool goOn = true; goOn;)
            {
                using Gate.Reading reading = gate.Read();
                goOn = !isChanged;
            }
        });
    }

    [Test]
    public void A_thread_that_is_inside_may_enter_again_also_while_a_change_waits()
    {
        var gate = new Gate(1);
        using var waits = new ManualResetEventSlim();
        int value = 0;

        Crowd.Do(
            () =>
            {
                using Gate.Reading reading = gate.Read();
                waits.Set();
                while (!gate.IsWanted)
                {
                    Thread.Yield();
                }

                using Gate.Reading again = gate.Read();
                Assert.That(value, Is.Zero);
            },
            () =>
            {
                waits.Wait();
                using Gate.Changing changing = gate.Change();
                using (gate.Change())
                {
                    using Gate.Reading within = gate.Read();
                    value++;
                }
            });

        Assert.That(value, Is.EqualTo(1));
        Assert.That(gate.IsWanted, Is.False);
    }

    [Test]
    public void To_change_what_one_is_reading_is_refused_and_leaves_the_gate_as_it_was()
    {
        var gate = new Gate(1);
        using (gate.Read())
        {
            Assert.That(() => gate.Change().Dispose(), Throws.TypeOf<EngineException>()
                .With.Message.StartsWith("This thread is reading the values that it is to change"));
        }

        Crowd.Do(1, _ => gate.Change().Dispose());
    }
}
