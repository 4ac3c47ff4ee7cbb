local M = {}

---@class fairlead.Keymaps  Insert mode, in buffers that fairlead serves. A key without ghost text does what it always did.
---@field accept? string       take the ghost text
---@field accept_word? string  take its next word
---@field accept_line? string  take the rest of its line
---@field invoke? string       ask now, for several alternatives and with more time
---@field next? string         show the next alternative
---@field previous? string     show the alternative before

---@class fairlead.Opts
---@field ghost_text? boolean           show ghost text; needs Neovim 0.12 (default: true)
---@field hints? boolean                show types as inlay hints (default: true)
---@field completion? boolean           open Neovim's own list after "."; leave it off beside a completion plugin (default: false)
---@field keymaps? fairlead.Keymaps     (default: none)
---@field settings? table<string, any>  settings of the server, nested or with dotted names (default: none)
---@field cmd? string[]                 how the server is started (default: { 'fairlead', 'serve' })

local defaults = { ghost_text = true, hints = true, completion = false, keymaps = {}, settings = {} }

---@param lhs string?
---@param action fun(): boolean?  false: the key does what it always did
---@param bufnr integer
---@param desc string
local function map(lhs, action, bufnr, desc)
  if lhs then
    vim.keymap.set('i', lhs, function()
      return action() == false and lhs or ''
    end, { expr = true, buffer = bufnr, desc = desc })
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
---@param opts fairlead.Opts
local function attach(client, bufnr, opts)
  if opts.completion and client:supports_method('textDocument/completion') then
    vim.lsp.completion.enable(true, client.id, bufnr, { autotrigger = true })
  end
  if opts.hints and client:supports_method('textDocument/inlayHint') then
    vim.lsp.inlay_hint.enable(true, { bufnr = bufnr })
  end
  if not (vim.lsp.inline_completion and client:supports_method('textDocument/inlineCompletion')) then
    return
  end
  local ghost = require('fairlead.ghost')
  if opts.ghost_text then
    vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
    ghost.watch(bufnr)
  end
  map(opts.keymaps.accept, ghost.accept, bufnr, 'fairlead: accept')
  map(opts.keymaps.accept_word, ghost.accept_word, bufnr, 'fairlead: accept a word')
  map(opts.keymaps.accept_line, ghost.accept_line, bufnr, 'fairlead: accept a line')
  map(opts.keymaps.invoke, ghost.invoke, bufnr, 'fairlead: ask now')
  map(opts.keymaps.next, ghost.next, bufnr, 'fairlead: next alternative')
  map(opts.keymaps.previous, ghost.previous, bufnr, 'fairlead: previous alternative')
end

--- Starts fairlead for Python buffers, and shows what it offers.
---
--- Nobody has to call this: `vim.lsp.enable('fairlead')` starts the server too, and everything else can be set up with
--- Neovim's own functions. May be called again; the last call decides.
---@param opts? fairlead.Opts
function M.setup(opts)
  if vim.fn.has('nvim-0.11') == 0 then
    vim.notify('fairlead: Neovim 0.11 or later is needed', vim.log.levels.ERROR)
    return
  end
  opts = vim.tbl_deep_extend('force', defaults, opts or {})
  vim.lsp.config('fairlead', { cmd = opts.cmd, settings = { fairlead = opts.settings } })
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('fairlead', { clear = true }),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'fairlead' then
        attach(client, event.buf, opts)
      end
    end,
  })
  vim.lsp.enable('fairlead')
end

--- One short word for a status line: "fairlead", "fairlead: loading", ...; empty where the server is not attached.
---
--- The autocommand `User FairleadStatus` fires whenever it may have changed.
---@param bufnr? integer
---@return string
function M.statusline(bufnr)
  return require('fairlead.status').short(bufnr or 0)
end

return M
