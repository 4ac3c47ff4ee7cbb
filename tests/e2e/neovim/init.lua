-- What a user's init.lua would hold; the tests open it in a real Neovim.
vim.opt.runtimepath:append(vim.env.FAIRLEAD_PLUGIN)
-- Where the unpacked packages keep the parsers that Neovim expects at its own prefix.
vim.opt.runtimepath:append(vim.env.VIMRUNTIME .. '/../../../lib/nvim')
vim.opt.completeopt = { 'menuone', 'noselect', 'popup' }
vim.g.loaded_python3_provider = 0 -- Neovim would start a Python of its own to look for one
vim.opt.swapfile = false
vim.opt.number = true
vim.opt.hlsearch = false
vim.opt.laststatus = 2
vim.opt.statusline = "%f %m%=%{v:lua.require'fairlead'.statusline()} "

require('fairlead').setup({
  cmd = vim.env.FAIRLEAD_CMD and vim.split(vim.env.FAIRLEAD_CMD, ' ') or nil,
  completion = true,
  keymaps = {
    accept = '<Tab>',
    accept_word = '<M-f>',
    accept_line = '<M-l>',
    invoke = '<M-Space>',
    next = '<M-]>',
  },
  -- The tests are about what appears, not about how soon: they share two cores with whatever else runs.
  settings = {
    inline = { budget_ms = 10000, invoked_budget_ms = 20000 },
    completion = { budget_ms = 10000 },
    analysis = { budget_ms = 30000 },
  },
})
