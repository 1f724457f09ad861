using System.Collections.Concurrent;
using Engine.Devices.Cpu;
using Engine.Tests.Threads;

namespace Engine.Tests.Devices.Cpu;

public class ThreadTeamTests
{
    private static readonly int[] s_sizes = [1, 2, 3, 8];

    [TestCaseSource(nameof(s_sizes))]
    public void Every_index_of_every_phase_is_done_once_and_in_order_of_phases(int size)
    {
        using var team = new ThreadTeam(size);
        var random = new Random(1);
        for (int run = 0; run < 200; run++)
        {
            int count = random.Next(8);
            var done = new int[count][];
            var phases = new Phase[count];
            int late = 0;
            for (int p = 0; p < count; p++)
            {
                int[] mine = done[p] = new int[random.Next(4) == 0 ? random.Next(2) : random.Next(300)];
                int[]? before = p > 0 ? done[p - 1] : null;
                phases[p] = new Phase(mine.Length, random.Next(20), (start, end, worker) =>
                {
                    if (before is not null && before.Contains(0))
                    {
                        Interlocked.Increment(ref late);
                    }

                    for (int i = start; i < end; i++)
                    {
                        Interlocked.Increment(ref mine[i]);
                    }

                    Interlocked.Add(ref late, worker >= 0 && worker < size ? 0 : 1);
                });
            }

            team.Run(phases);

            Assert.That(late, Is.Zero, "an index began before the phase before it had ended, or had a wrong worker");
            Assert.That(done, Is.All.All.EqualTo(1));
        }
    }

    [Test]
    public void A_phase_is_shared_by_all_threads()
    {
        using var team = new ThreadTeam(3);
        using var together = new Barrier(3);
        var workers = new int[3];

        team.Run(new Phase(3, 1, (start, end, worker) =>
        {
            together.SignalAndWait();
            workers[worker]++;
        }));

        Assert.That(workers, Is.All.EqualTo(1));
    }

    [Test]
    public void Each_thread_begins_with_its_own_part_in_every_run()
    {
        using var team = new ThreadTeam(3);
        using var together = new Barrier(3);
        var parts = new List<(int Worker, int First)>();
        var phase = new Phase(30, 10, (start, _, worker) =>
        {
            together.SignalAndWait();
            lock (parts)
            {
                parts.Add((worker, start));
            }
        });

        for (int run = 0; run < 20; run++)
        {
            parts.Clear();
            team.Run(phase);
            Assert.That(parts, Is.EquivalentTo(new[] { (0, 0), (1, 10), (2, 20) }));
        }
    }

    [Test]
    public void A_slower_thread_leaves_the_rest_of_its_part_to_the_others()
    {
        const int Count = 64, FirstPiece = 16;
        using var team = new ThreadTeam(2);
        using var othersDone = new ManualResetEventSlim();
        int done = 0;
        bool isDone = false;

        team.Run(new Phase(Count, 1, (start, end, _) =>
        {
            if (start == 0)
            {
                isDone = othersDone.Wait(TimeSpan.FromSeconds(30));
            }
            else if (Interlocked.Add(ref done, end - start) == Count - FirstPiece)
            {
                othersDone.Set();
            }
        }));

        Assert.That(isDone, "the rest of the part waited for the thread that had begun it");
    }

    [Test]
    public void A_phase_no_longer_than_its_grain_is_done_in_one_piece()
    {
        using var team = new ThreadTeam(3);
        var pieces = new List<(int, int)>();

        team.Run(new Phase(100, 1, (_, _, _) => { }), new Phase(7, 7, (start, end, _) => pieces.Add((start, end))));

        Assert.That(pieces, Is.EqualTo(new[] { (0, 7) }));
    }

    [TestCaseSource(nameof(s_sizes))]
    public void The_first_exception_reaches_the_caller_ends_the_list_and_leaves_the_team_usable(int size)
    {
        using var team = new ThreadTeam(size);
        for (int run = 0; run < 20; run++)
        {
            int later = 0, fine = 0;

            Assert.That(
                () => team.Run(
                    new Phase(50, 1, (start, end, _) =>
                    {
                        if (start <= 30 && 30 < end)
                        {
                            throw new EngineException("index 30");
                        }
                    }),
                    new Phase(50, 1, (_, _, _) => Interlocked.Increment(ref later))),
                Throws.TypeOf<EngineException>().With.Message.EqualTo("index 30"));
            team.Run(new Phase(50, 1, (start, end, _) => Interlocked.Add(ref fine, end - start)));

            Assert.That(later, Is.Zero);
            Assert.That(fine, Is.EqualTo(50));
        }
    }

    [Test]
    public void Threads_that_went_to_sleep_are_woken_by_the_next_run()
    {
        using var team = new ThreadTeam(2);
        using var both = new Barrier(2);
        var phase = new Phase(2, 1, (_, _, _) => both.SignalAndWait());
        for (int run = 0; run < 5; run++)
        {
            team.Run(phase);
            bool slept = SpinWait.SpinUntil(() => team.Sleepers == 1, TimeSpan.FromSeconds(30));
            Assert.That(slept, "the worker never slept");
        }

        team.Run(phase);
    }

    [Test]
    public void Many_short_runs_all_end()
    {
        using var team = new ThreadTeam(2);
        int done = 0;
        Phase[] phases =
        [
            new Phase(2, 1, (start, end, _) => Interlocked.Add(ref done, end - start)),
            new Phase(1, 1, (_, _, _) => { }),
        ];

        for (int i = 0; i < 20_000; i++)
        {
            team.Run(phases);
        }

        Assert.That(done, Is.EqualTo(40_000));
    }

    [Test]
    public void A_run_allocates_nothing()
    {
        using var team = new ThreadTeam(2);
        Phase[] phases = [new Phase(10, 1, (_, _, _) => { }), new Phase(10, 1, (_, _, _) => { })];
        team.Run(phases);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++)
        {
            team.Run(phases);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void A_run_from_inside_a_body_stays_on_that_bodys_thread()
    {
        using var team = new ThreadTeam(2);
        using var both = new Barrier(2);
        int wrong = 0, done = 0;

        // Each of the two threads runs one of the bodies, and neither ends before both have begun.
        team.Run(new Phase(2, 1, (_, _, outer) =>
        {
            both.SignalAndWait();
            team.Run(new Phase(20, 1, (start, end, inner) =>
            {
                Interlocked.Add(ref done, end - start);
                Interlocked.Add(ref wrong, inner == outer ? 0 : 1);
            }));
        }));

        Assert.That(wrong, Is.Zero);
        Assert.That(done, Is.EqualTo(40));
    }

    [Test]
    public void Runs_of_several_threads_on_one_team_do_not_mix()
    {
        using var team = new ThreadTeam(2);
        var sums = new int[4];

        Parallel.For(0, 4, caller =>
        {
            for (int run = 0; run < 100; run++)
            {
                team.Run(new Phase(30, 1, (start, end, _) => Interlocked.Add(ref sums[caller], end - start)));
            }
        });

        Assert.That(sums, Is.All.EqualTo(3000));
    }

    [Test]
    public void A_team_that_was_disposed_of_says_so()
    {
        var team = new ThreadTeam(2);
        team.Dispose();

        Assert.That(() => team.Run(new Phase(10, 1, (_, _, _) => { })), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => new ThreadTeam(0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Runs_beside_one_another_compute_as_alone_and_none_waits_for_another()
    {
        using var team = new ThreadTeam(2);
        using var together = new Barrier(3);
        int[] sums = new int[3];

        Crowd.Do(3, number => team.RunBesideOthers(
        [
            new Phase(1, 1, (_, _, _) => together.SignalAndWait()),
            new Phase(0, 1, (_, _, _) => sums[number] = -1),
            new Phase(1000, 10, (start, end, worker) =>
            {
                Assert.That(worker, Is.InRange(0, 1));
                for (int i = start; i < end; i++)
                {
                    Interlocked.Add(ref sums[number], i);
                }
            }),
            new Phase(1, 1, (_, _, _) => together.SignalAndWait()),
        ]));

        Assert.That(sums, Is.All.EqualTo(499_500));
    }

    [Test]
    public void A_run_that_is_alone_has_the_team_and_so_has_what_is_left_of_one_when_the_others_are_done()
    {
        using var team = new ThreadTeam(2);
        using ManualResetEventSlim begins = new(), done = new();
        using var both = new Barrier(2);
        var rest = new Phase(2, 1, (_, _, _) => both.SignalAndWait());
        team.RunBesideOthers([rest]);

        Crowd.Do(
            () => team.RunBesideOthers([new Phase(1, 1, (_, _, _) => done.Wait()), rest]),
            () =>
            {
                team.RunBesideOthers([new Phase(1, 1, (_, _, _) => begins.Set()), new Phase(9, 1, (_, _, _) => { })]);
                done.Set();
            });

        Assert.That(begins.IsSet);
    }

    [Test]
    public void A_run_that_others_wait_behind_leaves_the_team_alone()
    {
        using var team = new ThreadTeam(2);
        int caller = Environment.CurrentManagedThreadId;
        var threads = new ConcurrentDictionary<int, bool>();
        team.CountWaiting(1);

        team.RunBesideOthers([new Phase(100, 1, (_, _, _) => threads[Environment.CurrentManagedThreadId] = true)]);

        team.CountWaiting(-1);
        Assert.That(threads.Keys, Is.EqualTo((int[])[caller]));
    }

    [Test]
    public void What_a_body_throws_beside_others_comes_to_its_own_caller()
    {
        using var team = new ThreadTeam(2);
        int thrown = 0;

        Crowd.Do(4, number =>
        {
            for (int i = 0; i < 200; i++)
            {
                try
                {
                    team.RunBesideOthers([new Phase(100, 1, (_, _, _) =>
                    {
                        if (number == 0)
                        {
                            throw new InvalidOperationException("on purpose");
                        }
                    })]);
                }
                catch (InvalidOperationException) when (number == 0)
                {
                    thrown++;
                }
            }
        });

        Assert.That(thrown, Is.EqualTo(200));
    }
}
