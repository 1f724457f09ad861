namespace Engine.Distributed;

/// <summary>
/// Represents exchanges in two steps that continue while a rank computes; a query about one of them moves all of them
/// on. All ranks begin the second steps in the order of the first ones, whatever arrives first, because libraries
/// require the same order of collective calls on all ranks.
/// </summary>
internal sealed class BegunCollectives
{
    private readonly List<InTwoSteps> _begun = [];
    private readonly Dictionary<nint, Collective> _byAddress = [];

    /// <summary>Adds an exchange whose first step has begun.</summary>
    /// <param name="first">The first step.</param>
    /// <param name="second">Begins the second step after the first is over.</param>
    public Collective Add(Collective first, Func<Collective> second)
    {
        var exchange = new InTwoSteps(this, first, second);
        _begun.Add(exchange);
        return exchange;
    }

    /// <summary>Keeps the exchange that uses some memory until <see cref="Take"/>.</summary>
    public void Put(nint address, Collective exchange) => _byAddress[address] = exchange;

    /// <summary>Returns the exchange that was put there, and removes it.</summary>
    public Collective Take(nint address) =>
        _byAddress.Remove(address, out Collective? exchange) ? exchange : Collective.Nothing;

    /// <summary>Begins each second step whose turn it is, and removes exchanges that are over.</summary>
    public void MoveOn()
    {
        foreach (InTwoSteps exchange in _begun)
        {
            if (!exchange.HasBegunSecond())
            {
                break;
            }
        }

        _begun.RemoveAll(exchange => exchange.IsOver);
    }

    private sealed class InTwoSteps(BegunCollectives all, Collective first, Func<Collective> second) : Collective
    {
        private Collective? _second;

        public bool IsOver => _second?.IsDone == true;

        public override bool IsDone
        {
            get
            {
                all.MoveOn();
                return IsOver;
            }
        }

        public bool HasBegunSecond()
        {
            _second ??= first.IsDone ? second() : null;
            return _second is not null;
        }
    }
}
