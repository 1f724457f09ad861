using Engine.Distributed;
using Engine.Interop;

namespace Engine.Tests.Distributed;

/// <summary>The launcher of a process is recognized by its environment.</summary>
public class RankLaunchTests
{
    [TestCase("OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_LOCAL_SIZE=2",
        "OpenMpi 2 4 0 2")]
    [TestCase("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_LOCAL_SIZE=1",
        "OpenMpi 0 1 0 1")]
    [TestCase("PMI_RANK=1 PMI_SIZE=3 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=3", "Pmi 1 3 1 3")]
    [TestCase("PMI_RANK=1 PMI_SIZE=3 SLURM_LOCALID=0 SLURM_STEP_TASKS_PER_NODE=2,1", "Pmi 1 3 0 2")]
    [TestCase(
        "SLURM_PROCID=1 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=3 PMI_RANK=1 PMI_SIZE=3 SLURM_LOCALID=0 "
        + "SLURM_STEP_TASKS_PER_NODE=2,1", "Slurm 1 3 0 2")]
    [TestCase(
        "SLURM_PROCID=3 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_LOCALID=1 SLURM_STEP_TASKS_PER_NODE=2(x2) "
        + "PMIX_RANK=3", "Slurm 3 4 1 2")]
    [TestCase("RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=a", "Torchrun 1 2 1 2")]
    [TestCase("SLURM_PROCID=0 SLURM_NTASKS=4", null)]
    [TestCase("SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1", null)]
    [TestCase("RANK=1", null)]
    [TestCase("RANK=0 WORLD_SIZE=1", null)]
    [TestCase("", null)]
    public void Each_launcher_is_known(string environment, string? expected)
    {
        RankLaunch? launch = RankLaunch.Find(Variables(environment));

        Assert.That(
            launch is null
                ? null
                : $"{launch.Launcher} {launch.Rank} {launch.Size} {launch.LocalRank} {launch.LocalSize}",
            Is.EqualTo(expected));
    }

    [TestCase("OMPI_COMM_WORLD_RANK=4 OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK is 4")]
    [TestCase("PMI_RANK=x PMI_SIZE=4", "PMI_RANK is a launcher's and should be a whole number, not 'x'")]
    [TestCase("SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2", "--mpi=pmix")]
    [TestCase("RANK=0 WORLD_SIZE=2", "this is process 0 of 2, and MASTER_ADDR, the machine of process 0, is not set")]
    public void What_cannot_be_is_refused(string environment, string message) => Assert.That(
        () => RankLaunch.Find(Variables(environment)), Throws.TypeOf<EngineException>().With.Message.Contains(message));

    [TestCase("OMPI_COMM_WORLD_SIZE=2", "libmpi.so.40")]
    [TestCase("PMIX_RANK=2", "libmpi.so.40")]
    [TestCase("PMI_SIZE=2", "libmpich.so.12")]
    [TestCase("", "libmpi.so.40")]
    [Platform("Linux")]
    public void The_library_of_the_launcher_goes_first(string environment, string expected) =>
        Assert.That(MpiLibrary.Names(Variables(environment))[0], Is.EqualTo(expected));

    private static Func<string, string?> Variables(string environment)
    {
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        return name => variables.GetValueOrDefault(name);
    }
}
