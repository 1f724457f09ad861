using System.Globalization;

namespace Engine.Distributed;

/// <summary>Specifies the launcher that started a program's processes.</summary>
public enum Launcher
{
    /// <summary>Open MPI's <c>mpirun</c>, or <c>srun</c> with its library.</summary>
    OpenMpi,

    /// <summary>The <c>mpirun</c> of MPICH, Intel MPI or another of their kind (Hydra).</summary>
    Pmi,

    /// <summary>Slurm's <c>srun</c>, with PMIx or with PMI 2.</summary>
    Slurm,

    /// <summary>
    /// <c>torchrun</c>, or a launcher that sets the same variables, such as the runner's <c>--gpus</c>.
    /// </summary>
    Torchrun,
}

/// <summary>Represents the rank of a process among those that a launcher started together.</summary>
/// <param name="Launcher">The launcher.</param>
/// <param name="Rank">The rank of the process, from 0 on.</param>
/// <param name="Size">The number of processes.</param>
/// <param name="LocalRank">Its rank among the processes of this machine.</param>
/// <param name="LocalSize">The number of processes on this machine.</param>
public sealed record RankLaunch(Launcher Launcher, int Rank, int Size, int LocalRank, int LocalSize)
{
    /// <summary>Gets the launcher's usual name.</summary>
    public string LauncherName => Launcher switch
    {
        Launcher.OpenMpi => "mpirun of Open MPI",
        Launcher.Pmi => "mpirun",
        Launcher.Slurm => "srun",
        _ => "torchrun",
    };

    /// <summary>Returns the rank of this process from its environment; null if no launcher started it.</summary>
    /// <exception cref="EngineException">The variables contradict each other.</exception>
    public static RankLaunch? Find() => Find(Environment.GetEnvironmentVariable);

    /// <summary>Returns the rank of a process from its environment; null if no launcher started it.</summary>
    /// <param name="variable">Returns the value of an environment variable.</param>
    /// <exception cref="EngineException">The variables contradict each other.</exception>
    public static RankLaunch? Find(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        if (variable("OMPI_COMM_WORLD_SIZE") is not null)
        {
            return Of(
                Launcher.OpenMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
                "OMPI_COMM_WORLD_LOCAL_SIZE");
        }

        // A script of sbatch has Slurm's variables too, but is only one process; srun sets the number of a step.
        bool isStep = variable("SLURM_PROCID") is not null && variable("SLURM_STEP_ID") is not null
            && variable("SLURM_STEP_NUM_TASKS") is not null;
        if (isStep && variable("PMIX_RANK") is not null)
        {
            return Of(Launcher.Slurm, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", null);
        }

        if (variable("PMI_RANK") is not null && variable("PMI_SIZE") is not null)
        {
            return Of(
                isStep ? Launcher.Slurm : Launcher.Pmi, "PMI_RANK", "PMI_SIZE",
                variable("MPI_LOCALRANKID") is not null ? "MPI_LOCALRANKID" : "SLURM_LOCALID",
                variable("MPI_LOCALNRANKS") is not null ? "MPI_LOCALNRANKS" : null);
        }

        if (isStep && variable("SLURM_STEP_NUM_TASKS") != "1")
        {
            throw new EngineException(
                $"srun started {variable("SLURM_STEP_NUM_TASKS")} processes that cannot find each other, "
                + "for it was told no --mpi: start them with srun --mpi=pmix (Open MPI) or srun --mpi=pmi2 (MPICH).");
        }

        if (variable("RANK") is null || variable("WORLD_SIZE") is null)
        {
            return null;
        }

        RankLaunch launch = Of(Launcher.Torchrun, "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE");
        return variable("MASTER_ADDR") is not null ? launch
            : launch.Size == 1 ? null
            : throw new EngineException(
                $"RANK and WORLD_SIZE say that this is process {launch.Rank} of {launch.Size}, and MASTER_ADDR, the "
                + "machine of process 0, is not set: set it (127.0.0.1 for processes of one machine), "
                + "or remove the two to train in one process.");

        RankLaunch Of(Launcher launcher, string rank, string size, string localRank, string? localSize)
        {
            (int number, int count) = (Number(rank) ?? 0, Number(size) ?? 1);
            if (number < 0 || count < 1 || number >= count)
            {
                throw new EngineException(
                    $"{rank} is {number} and {size} is {count}: ranks are numbered from 0 on, "
                    + "up to one below their number.");
            }

            int local = Number(localRank) ?? 0;
            int locals = localSize is null ? Tasks() ?? count : Number(localSize) ?? 1;
            return new RankLaunch(launcher, number, count, local, Math.Max(locals, 1));
        }

        // The text is "2" or, if machines differ, "2(x3),1" or the like. Its first number counts.
        int? Tasks() => variable("SLURM_STEP_TASKS_PER_NODE") is { } text
            && int.TryParse(text.Split('(', ',')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int tasks)
            ? tasks
            : null;

        int? Number(string name) => variable(name) is not { } text ? null
            : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number
            : throw new EngineException(
                $"The variable {name} is a launcher's and should be a whole number, not '{text}'.");
    }
}
