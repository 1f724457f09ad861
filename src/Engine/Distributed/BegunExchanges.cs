namespace Engine.Distributed;

/// <summary>
/// Exchanges in two steps that go on while a rank computes: whoever asks moves all of them on. All ranks begin the second
/// steps in the order of the first ones, whatever arrives when, as libraries want it of what goes one way.
/// </summary>
internal sealed class BegunExchanges
{
    private readonly List<InTwoSteps> _begun = [];
    private readonly Dictionary<nint, Exchange> _byPlace = [];

    /// <summary>Adds an exchange whose first step has begun.</summary>
    /// <param name="first">The first step.</param>
    /// <param name="second">Begins the second one, once the first is over.</param>
    public Exchange Add(Exchange first, Func<Exchange> second)
    {
        var exchange = new InTwoSteps(this, first, second);
        _begun.Add(exchange);
        return exchange;
    }

    /// <summary>Keeps what goes on in some memory, until <see cref="Take"/>.</summary>
    public void Put(nint place, Exchange exchange) => _byPlace[place] = exchange;

    /// <summary>Returns what was put there.</summary>
    public Exchange Take(nint place) => _byPlace.Remove(place, out Exchange? exchange) ? exchange : Exchange.Nothing;

    /// <summary>Moves all on.</summary>
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

    private sealed class InTwoSteps(BegunExchanges all, Exchange first, Func<Exchange> second) : Exchange
    {
        private Exchange? _second;

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
