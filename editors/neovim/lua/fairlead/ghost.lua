-- Accepting ghost text, whole or in part, on top of |vim.lsp.inline_completion|.
--
-- Neovim 0.12 keeps the ghost text on screen for the 200 ms before it asks again, but neither notices when the typed text
-- has left it, nor replaces what was typed since when it is accepted. Both are mended here.

local M = {}

--- Neovim's own state of a buffer's ghost text. Private there, hence the care: without it the ghost text disappears for a
--- moment after a part was accepted, and stays a moment too long after the typed text has left it. No text is at risk.
---@param bufnr integer
local function completor(bufnr)
  local ok, capability = pcall(require, 'vim.lsp._capability')
  local found = ok and vim.tbl_get(capability, 'all', 'inline_completion', 'active', bufnr)
  return type(found) == 'table' and found or nil
end

--- What is left of an item behind the cursor, and the item with its range stretched over what was typed since it came.
---@param item vim.lsp.inline_completion.Item
---@param bufnr integer
---@return string? rest  nil when the typed text has left the item, or it cannot be cut (a snippet)
---@return vim.lsp.inline_completion.Item?
local function fit(item, bufnr)
  local text, range = item.insert_text, item.range
  if type(text) ~= 'string' or not range then
    return nil, item
  end
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  local line = vim.api.nvim_get_current_line()
  if range.start_row ~= row or range.start_col > col then
    return nil, nil
  end
  local typed = line:sub(range.start_col + 1, col)
  if not vim.startswith(text, typed) then
    return nil, nil
  end
  local end_col = range.end_row == row and math.min(math.max(range.end_col, col), #line) or col
  local fitted = vim.tbl_extend('force', item, {
    range = vim.range.extmark(bufnr, row, range.start_col, row, end_col),
  })
  return text:sub(#typed + 1), fitted
end

--- Takes what `cut` leaves of the ghost text.
---@param cut fun(rest: string): string
---@return boolean  whether there was ghost text
local function take(cut)
  local bufnr = vim.api.nvim_get_current_buf()
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      if vim.fn.pumvisible() == 1 then
        vim.fn.complete(vim.fn.col('.'), {}) -- closes the list, which would otherwise stay on for text that has changed
      end
      local rest, fitted = fit(item, bufnr)
      local part = rest and cut(rest)
      if not rest or part == rest then
        return fitted
      end
      local row, col = unpack(vim.api.nvim_win_get_cursor(0))
      local lines = vim.split(part, '\n')
      vim.api.nvim_buf_set_text(bufnr, row - 1, col, row - 1, col, lines)
      vim.api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and col or 0) + #lines[#lines] })
      local state = completor(bufnr)
      if state and #lines == 1 then
        pcall(state.select, state, item._index)
      end
    end,
  })
end

--- Takes the whole ghost text. False when there is none.
function M.accept()
  return take(function(rest)
    return rest
  end)
end

--- Takes up to the end of the next word: `.append(` is `.append`, then `(`.
function M.accept_word()
  return take(function(rest)
    return rest:match('^[^%w_\128-\255]*[%w_\128-\255]+') or rest
  end)
end

--- Takes the rest of the line, or the next line where nothing is left of this one.
function M.accept_line()
  return take(function(rest)
    return rest:match('^\n?[^\n]*')
  end)
end

--- Asks now, for several alternatives and with the longer budget. `next` and `previous` walk through them.
function M.invoke()
  local state = completor(vim.api.nvim_get_current_buf())
  local invoked = vim.lsp.protocol.InlineCompletionTriggerKind.Invoked
  if not (state and pcall(state.request, state, invoked)) then
    vim.notify('fairlead: ghost text is off here, or this Neovim cannot be asked for it', vim.log.levels.WARN)
  end
end

function M.next()
  vim.lsp.inline_completion.select({ count = 1 })
end

function M.previous()
  vim.lsp.inline_completion.select({ count = -1 })
end

--- Takes ghost text off the screen as soon as the typed text has left it.
---@param bufnr integer
function M.watch(bufnr)
  vim.api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedP' }, {
    group = vim.api.nvim_create_augroup('fairlead.ghost:' .. bufnr, { clear = true }),
    buffer = bufnr,
    callback = function()
      local state = completor(bufnr)
      if not (state and state.current) then
        return
      end
      local rest, fitted = fit(state.current, bufnr)
      if not fitted or rest == '' then
        state.current = nil
        pcall(state.hide, state)
      end
    end,
  })
end

return M
