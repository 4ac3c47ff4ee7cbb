-- Made by scripts/generate from server/settings.py. Do not edit.

---@type table<string, any>
return {
  -- Whether fairlead offers anything at all.
  enabled = true,
  completion = {
    -- Offer the member list (textDocument/completion).
    enabled = true,
    -- Time the model may take to rank a member list, in milliseconds.
    budget_ms = 300,
  },
  inline = {
    -- Offer ghost text (textDocument/inlineCompletion).
    enabled = true,
    -- Offer ghost text in comments and strings too.
    in_comments = false,
    -- Hard time budget of automatic ghost text, in milliseconds.
    budget_ms = 250,
    -- Hard time budget of ghost text asked for by a command, in milliseconds.
    invoked_budget_ms = 2000,
    -- Most tokens in one automatic ghost text.
    max_tokens = 64,
    -- Automatic ghost text ends before the probability that all of it is right falls below this; 0 shows all.
    min_confidence = 0.25,
    -- Particles of the sampling that finds the alternatives of an invoked completion; 1: best-first search instead.
    particles = 1,
    -- Temperature of that sampling.
    temperature = 0.8,
    -- Draw the particles anew when they are worth less than this share of their number.
    ess_threshold = 0.5,
    -- Write what follows a shown text ahead, so that taking it shows the next one at once.
    prepare_next = true,
    -- Read ahead of the ghost text what was written like this before. Faster, and the same text.
    draft = true,
    -- Write on while analysis answers, and take back what it refuses. Faster, and the same text.
    run_ahead = true,
    -- How many alternatives an invoked completion asks for.
    alternatives = 3,
  },
  hover = {
    -- Answer hover. Switch off where another server already does.
    enabled = true,
  },
  analysis = {
    -- Time a question to static analysis may take before the answer goes on without it.
    budget_ms = 2000,
    -- Another language server to ask instead of jedi, as a command line; it brings its language with it.
    command = '',
    -- Memory limit of the analysis process, in MB.
    memory_mb = 2048,
  },
  monitors = {
    -- Hold attribute accesses to the members that exist.
    dereference = true,
    -- Store no new attribute where a class has only its slots.
    store = true,
    -- Hold files, threads and what you describe to the state they are in.
    typestate = true,
    -- End ghost text only where what stands then is Python.
    syntax = true,
    -- Hold strings to those that a Literal type or a TypedDict allows.
    literal = true,
    -- Hold the names of keyword arguments to parameters that exist.
    keyword_argument = true,
    -- Make no instance of a class that has abstract methods.
    instantiation = true,
    -- Import what is there.
    import = true,
    -- Read no bare name that nothing binds.
    name = true,
    -- Raise and catch exceptions only.
    exception = true,
    -- Annotate with types only.
    annotation = true,
    -- List the members of the enumeration that is compared or matched.
    match = true,
    -- Give calls the arguments they require, and no more than they take.
    arity = true,
  },
  types = {
    -- Infer and predict types where nobody wrote them, while nothing is typed.
    enabled = true,
    -- Time without an edit after which types are inferred anew, in milliseconds.
    idle_ms = 1000,
    -- Oldest Python your files run on ("3.8"); empty for what the project requires, else its environment's.
    python = '',
    -- Write a guessed type into a whole file or folder at once only when even the lower end of its probability is this high.
    min_probability = 0.95,
  },
  hints = {
    -- Show types as inlay hints (textDocument/inlayHint).
    enabled = true,
    -- Inlay hints for parameters.
    parameters = true,
    -- Inlay hints for what functions return.
    returns = true,
    -- Inlay hints for variables and attributes whose type the line does not tell.
    variables = true,
    -- Show a guessed type only when even the lower end of its probability is this high.
    min_probability = 0.75,
    -- Characters of a hint; a longer type is cut, and only a code action writes it.
    max_length = 40,
  },
  -- Model: empty for the packaged one, else a folder, or a hub id fetched with `fairlead model pull`.
  model = '',
  -- Where the model runs. (auto, cpu, cuda, mps)
  device = 'auto',
  -- Replay recorded passes of the model on CUDA (Llama family); off: compute each.
  cuda_graphs = true,
  -- Prompt budget in tokens; 0 uses what the model was trained for, at most 2048.
  context_tokens = 0,
  -- Characters of an outline of what a file imports from its project, put before it in the prompt; 0 leaves it to the model's folder. It does not help the packaged model.
  context_outline = 0,
  -- Characters of what you edited lately in other places, put before the file in the prompt; 0 leaves it to the model's folder. The packaged model is better with 1200 where you call what you edited, worse elsewhere.
  context_recent = 0,
  -- CPU threads of the model; 0 leaves one core to analysis.
  threads = 0,
  project = {
    -- Python environment of your project (a folder with pyvenv.cfg, or its interpreter). Read, never run.
    python = '',
  },
  log = {
    -- Where the log is written; empty for the user's state folder.
    file = '',
    -- How much is logged. (debug, info, warning, error)
    level = 'info',
  },
}
